package pack

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// ID is the SHA-1 name of an object.
type ID [20]byte

// String returns the id as 40 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads 40 hexadecimal digits.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("object id %q is not 40 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("object id %q is not 40 hexadecimal digits", s)
	}
	return id, nil
}

// Type is the type of an object, numbered as in packs.
type Type uint8

// The types of objects, and the two ways a pack writes an object as the difference from another.
const (
	Commit Type = 1
	Tree   Type = 2
	Blob   Type = 3
	Tag    Type = 4

	ofsDelta Type = 6
	refDelta Type = 7
)

// String returns the name that git hashes in front of an object.
func (t Type) String() string {
	switch t {
	case Commit:
		return "commit"
	case Tree:
		return "tree"
	case Blob:
		return "blob"
	case Tag:
		return "tag"
	}
	return "type " + strconv.Itoa(int(t))
}

func (t Type) delta() bool { return t == ofsDelta || t == refDelta }

// ErrNotFound is returned for an object that the database does not have.
var ErrNotFound = errors.New("object not found")

// ErrKind is returned for an object that is whole, but of another type than whoever names it says.
var ErrKind = errors.New("object of another type")

// ErrCorrupt is returned for content that does not agree with its checksum, or makes no sense.
var ErrCorrupt = errors.New("corrupt git data")

// LimitError is returned for content that is larger than the limits allow. To ask for it in another way is no use.
type LimitError struct{ text string }

// Error says what is too large, and for which limit.
func (e *LimitError) Error() string { return e.text }

// OverLimit makes a LimitError.
func OverLimit(format string, args ...any) error { return &LimitError{fmt.Sprintf(format, args...)} }

// appendHeader appends what git hashes in front of an object's content.
func appendHeader(b []byte, t Type, size int64) []byte {
	b = append(b, t.String()...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, size, 10)
	return append(b, 0)
}

package checkout

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Mode is the kind of a tree's entry, as git writes it.
type Mode uint32

// The modes that git writes today, and GroupWritable, which it wrote once.
const (
	Directory     Mode = 0o040000
	File          Mode = 0o100644
	GroupWritable Mode = 0o100664
	Executable    Mode = 0o100755
	Symlink       Mode = 0o120000
	Submodule     Mode = 0o160000
)

// Entry is one line of a tree.
type Entry struct {
	Name string
	Mode Mode
	ID   pack.ID
}

const (
	maxName = 255
	idSize  = len(pack.ID{})
)

// ParseTree takes a tree object apart. A name that could leave the directory or reach .git is an error, and so is one
// that comes twice.
func ParseTree(data []byte) ([]Entry, error) {
	entries := make([]Entry, 0, len(data)/40)
	seen := map[string]bool{}
	for len(data) > 0 {
		space := bytes.IndexByte(data, ' ')
		zero := bytes.IndexByte(data, 0)
		if space < 1 || space > 6 || zero < space || len(data) < zero+1+idSize {
			return nil, fmt.Errorf("malformed tree: %w", pack.ErrCorrupt)
		}
		var mode Mode
		for _, c := range data[:space] {
			if c < '0' || c > '7' {
				return nil, fmt.Errorf("malformed tree: %w", pack.ErrCorrupt)
			}
			mode = mode<<3 | Mode(c-'0')
		}
		e := Entry{Name: string(data[space+1 : zero]), Mode: mode, ID: pack.ID(data[zero+1 : zero+1+idSize])}
		data = data[zero+1+idSize:]
		if err := checkEntry(e); err != nil {
			return nil, err
		}
		if seen[e.Name] {
			return nil, fmt.Errorf("tree has two entries %q: %w", e.Name, pack.ErrCorrupt)
		}
		seen[e.Name] = true
		entries = append(entries, e)
	}
	return entries, nil
}

func checkEntry(e Entry) error {
	switch e.Mode {
	case Directory, File, GroupWritable, Executable, Submodule:
	case Symlink:
		// git refuses these too: what they say is read before anybody has looked at where they lead.
		if strings.EqualFold(e.Name, ".gitmodules") {
			return fmt.Errorf("%q is a symbolic link: %w", e.Name, pack.ErrCorrupt)
		}
	default:
		return fmt.Errorf("%q has mode %o: %w", e.Name, e.Mode, pack.ErrCorrupt)
	}
	if !safeName(e.Name) {
		return fmt.Errorf("tree has an entry %q, which is not allowed: %w", e.Name, pack.ErrCorrupt)
	}
	return nil
}

// safeName refuses what cannot be one file in a directory, and every spelling of .git that some file system takes for
// it.
func safeName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsAny(name, "/\\\x00") {
		return false
	}
	plain := strings.Map(func(r rune) rune {
		if ignorable(r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
	// NTFS drops dots and spaces at the end, and reads a colon as the name of a stream.
	if before, _, ok := strings.Cut(plain, ":"); ok {
		plain = before
	}
	plain = strings.TrimRight(plain, ". ")
	return plain != ".git" && plain != "git~1"
}

// ignorable tells whether HFS+ ignores a character in names.
func ignorable(r rune) bool {
	return r >= 0x200c && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x206a && r <= 0x206f || r == 0xfeff
}

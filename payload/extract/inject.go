package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// marker is a place in a binary that waits for a value: a NUL, a name, a NUL, many X, a NUL.
type marker struct {
	name string // in messages
	text string // between the NULs
	room int    // how many X there are
}

// The markers that openshift-install and oc are built with.
var (
	markImage        = marker{"release image", "_RELEASE_IMAGE_LOCATION_", 300}
	markVersion      = marker{"release version", "_RELEASE_VERSION_LOCATION_", 64}
	markArchitecture = marker{"release architecture", "_RELEASE_ARCHITECTURE_LOCATION_", 64}
)

func (m marker) bytes() []byte {
	return []byte("\x00" + m.text + "\x00" + strings.Repeat("X", m.room) + "\x00")
}

// window is how much of a binary is searched at a time.
const window = 1 << 20

// inject writes values over the first occurrence of each marker: the value and a NUL at the marker's beginning; the
// rest of the marker stays. The size of the file does not change. It returns the names of markers that the file does
// not have.
func inject(file *os.File, values map[marker]string) (missing []string, err error) {
	for m, value := range values {
		if room := len(m.bytes()) - 1; len(value) > room {
			return nil, fault.Errorf(fault.Unresolved,
				"the %s value has %d bytes, but the maximum replacement length is %d", m.name,
				len(value), room)
		}
	}
	for _, m := range []marker{markImage, markVersion, markArchitecture} {
		value, ok := values[m]
		if !ok {
			continue
		}
		at, err := find(file, m.bytes())
		if err != nil {
			return nil, fmt.Errorf("searching for the place of the %s: %w", m.name, err)
		}
		if at < 0 {
			missing = append(missing, m.name)
			continue
		}
		if _, err := file.WriteAt([]byte(value+"\x00"), at); err != nil {
			return nil, fmt.Errorf("writing the %s: %w", m.name, err)
		}
	}
	return missing, nil
}

// find returns where a pattern begins in a file, or -1. It keeps one window in memory.
func find(file io.ReaderAt, pattern []byte) (int64, error) {
	buffer := make([]byte, window+len(pattern)-1)
	for at := int64(0); ; at += window {
		n, err := file.ReadAt(buffer, at)
		if i := bytes.Index(buffer[:n], pattern); i >= 0 {
			return at + int64(i), nil
		}
		if errors.Is(err, io.EOF) {
			return -1, nil
		}
		if err != nil {
			return -1, err
		}
	}
}

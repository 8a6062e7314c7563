package payload

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const (
	releaseDirectory = "release-manifests"
	fileReferences   = "image-references"
	fileMetadata     = "release-metadata"
)

// Limits of a release layer. A large real one has 900 entries and 15 MiB.
const (
	maxReleaseLayer = 256 << 20 // bytes, uncompressed
	maxReleaseFile  = 32 << 20  // bytes of one file
	maxReferences   = 16 << 20  // bytes of image-references
	maxEntries      = 100_000   // entries of a layer that is read file by file
)

// File is a manifest: one file of /release-manifests, or of /manifests in a component image.
type File struct {
	Name    string // without directory
	Data    []byte
	ModTime time.Time
}

// entry is one entry of the release layer, in its order.
type entry struct {
	File
	mode      int64
	path      string // as the tar has it
	directory bool
	owner     string // the operator that claimed it, see claim
}

// layer is the release layer of a payload.
type layer struct {
	entries []entry
	unknown string // why the layer is not laid out as a release layer is; "" = it is
}

// file returns the file with a name.
func (l layer) file(name string) (File, bool) {
	for _, entry := range l.entries {
		if !entry.directory && entry.Name == name {
			return entry.File, true
		}
	}
	return File{}, false
}

// readLayer reads a release layer. What does not belong into one is remembered as l.unknown and left out; two files
// of one name, names that are not plain and sizes beyond the limits are errors.
func readLayer(stream io.Reader) (layer, error) {
	var l layer
	seen := map[string]bool{}
	r := tar.NewReader(stream)
	for count := 0; ; count++ {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return layer{}, fmt.Errorf("reading the release layer: %w", err)
		}
		if count >= maxEntries {
			return layer{}, fault.Errorf(fault.Unresolved, "the release layer has more than %d entries", maxEntries)
		}
		if misspelt(header.Name) {
			return layer{}, fault.Errorf(fault.Unresolved, "the release layer has a file %q, which others take for %q",
				header.Name, path.Clean(header.Name))
		}
		if why := misplaced(header); why != "" {
			if l.unknown == "" {
				l.unknown = why
			}
			continue
		}
		e := entry{mode: header.Mode, path: header.Name, directory: header.Typeflag == tar.TypeDir}
		e.Name, e.ModTime = path.Base(header.Name), header.ModTime.UTC()
		if e.directory {
			e.Name = ""
		} else if seen[e.Name] {
			return layer{}, fault.Errorf(fault.Unresolved, "the release layer has %q twice", e.Name)
		} else if e.Data, err = readEntry(r, header, e.Name); err != nil {
			return layer{}, err
		}
		seen[e.Name] = true
		l.entries = append(l.entries, e)
	}
}

// misspelt tells whether a name is that of one of the files about the release, but not to the letter. Other programs
// take it for that file.
func misspelt(name string) bool {
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	return name != clean && (clean == releaseDirectory+"/"+fileReferences || clean == releaseDirectory+"/"+fileMetadata)
}

// misplaced says why an entry is not one of a release layer: those are the directory release-manifests and plain
// files in it.
func misplaced(header *tar.Header) string {
	name := header.Name
	switch {
	case !isPlain(name):
		return fmt.Sprintf("the entry %q", name)
	case header.Typeflag == tar.TypeDir && strings.TrimSuffix(name, "/") == releaseDirectory:
		return ""
	case header.Typeflag != tar.TypeReg:
		return fmt.Sprintf("the entry %q of type %q", name, header.Typeflag)
	case path.Dir(name) != releaseDirectory || path.Clean(name) != name || strings.HasPrefix(path.Base(name), ".wh."):
		return fmt.Sprintf("the file %q", name)
	}
	return ""
}

func readEntry(r io.Reader, header *tar.Header, name string) ([]byte, error) {
	limit := int64(maxReleaseFile)
	if name == fileReferences {
		limit = maxReferences
	}
	if header.Size > limit {
		return nil, fault.Errorf(fault.Unresolved, "%s has %d bytes, more than %d", name, header.Size, limit)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the release layer: %w", name, err)
	}
	return data, nil
}

// isPlain tells whether a name is printable text without control characters, so that it can be shown and written as
// it is.
func isPlain(name string) bool {
	if !utf8.ValidString(name) || name == "" || len(name) > 4096 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

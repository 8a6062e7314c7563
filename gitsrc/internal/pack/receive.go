package pack

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// TemporaryPrefix begins the names of files that Receive has not finished. What is left over from a run that was
// killed can be removed when nobody else writes to the directory.
const TemporaryPrefix = "tmp-"

// Receiver writes packs to a directory.
type Receiver struct {
	Directory string
	Limits    Limits
	Bases     Bases             // objects that a pack may be a difference from; nil = none
	Moved     func(total int64) // is told how many bytes have come; nil = nobody
	Contents  *Contents         // gets the files of the pack, too; nil = nobody
}

// Receive writes the pack that r carries, with its index, and returns the name they have in common, pack-CHECKSUM, or
// "" if the pack holds no object. The files appear complete or not at all.
func (rc Receiver) Receive(ctx context.Context, r io.Reader) (string, error) {
	file, err := os.CreateTemp(rc.Directory, TemporaryPrefix+"pack-")
	if err != nil {
		return "", fmt.Errorf("receiving a pack: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	s := newScanner(r, file, rc)
	sum, err := s.scan(ctx)
	if err != nil {
		return "", fmt.Errorf("receiving a pack: %w", err)
	}
	if len(s.entries) == 0 {
		return "", nil
	}
	if sum, err = s.resolve(ctx, file, runtime.GOMAXPROCS(0), rc.Bases, sum); err != nil {
		return "", fmt.Errorf("receiving a pack: %w", err)
	}
	if err := s.checksums(ctx, file); err != nil {
		return "", fmt.Errorf("receiving a pack: %w", err)
	}
	name := "pack-" + sum.String()
	if err := finish(file, filepath.Join(rc.Directory, name), s.entries, sum); err != nil {
		return "", fmt.Errorf("storing a pack: %w", err)
	}
	return name, nil
}

// checksums fills in the CRC of each entry. The file is still in the page cache.
func (s *scanner) checksums(ctx context.Context, file io.ReaderAt) error {
	buf := make([]byte, copyBuffer)
	for i := range s.entries {
		end := s.tee.total - trailerSize
		if i+1 < len(s.entries) {
			end = s.entries[i+1].offset
		}
		sum := crc32.NewIEEE()
		compressed := io.NewSectionReader(file, s.entries[i].offset, end-s.entries[i].offset)
		if _, err := io.CopyBuffer(onlyWriter{sum}, interrupt.Reader(ctx, compressed), buf); err != nil {
			return err
		}
		s.entries[i].crc = sum.Sum32()
	}
	return nil
}

// onlyWriter hides every method but Write, so that io.CopyBuffer uses the buffer.
type onlyWriter struct{ io.Writer }

// finish writes the index and gives both files their names, the index last: a pack without index is not looked at.
func finish(file *os.File, base string, entries []entry, sum ID) error {
	slices.SortFunc(entries, func(a, b entry) int { return slices.Compare(a.id[:], b.id[:]) })
	for i := 1; i < len(entries); i++ {
		if entries[i].id == entries[i-1].id {
			return fmt.Errorf("object %s is there twice: %w", entries[i].id, ErrCorrupt)
		}
	}
	index, err := os.CreateTemp(filepath.Dir(base), TemporaryPrefix+"idx-")
	if err != nil {
		return err
	}
	defer os.Remove(index.Name())
	defer index.Close()
	if err := writeIndex(index, entries, sum); err != nil {
		return err
	}
	for _, f := range []*os.File{file, index} {
		if err := f.Chmod(0o444); err != nil {
			return err
		}
	}
	if err := index.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), base+".pack"); err != nil {
		return err
	}
	return os.Rename(index.Name(), base+".idx")
}

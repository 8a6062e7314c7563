package pack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// maxChain limits how many deltas may stand between an object and its base. git writes at most 4095.
const maxChain = 10_000

// packFile is one pack with its index.
type packFile struct {
	path  string // without suffix
	file  *os.File
	index *index
	size  int64
	used  atomic.Bool // whether an object was taken from it
}

func openPack(indexPath string) (*packFile, error) {
	x, err := openIndex(indexPath)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(indexPath, ".idx")
	file, err := os.Open(base + ".pack")
	if err != nil {
		x.file.Close()
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, x.file.Close(), file.Close())
	}
	return &packFile{path: base, file: file, index: x, size: info.Size() - trailerSize}, nil
}

func (p *packFile) close() error { return errors.Join(p.file.Close(), p.index.file.Close()) }

// place is an object in a pack: its header taken apart.
type place struct {
	kind   Type
	offset int64
	size   int64
	body   int64 // offset of the compressed content
	base   int64 // ofsDelta: offset of the base
	id     ID    // refDelta: id of the base
}

// place reads the header at an offset.
func (p *packFile) place(offset int64) (place, error) {
	if offset < 12 || offset >= p.size {
		return place{}, fmt.Errorf("offset %d is outside the pack: %w", offset, ErrCorrupt)
	}
	head := &byteReader{}
	n, err := p.file.ReadAt(head.buf[:], offset)
	if err != nil && err != io.EOF {
		return place{}, err
	}
	head.end = n
	kind, size, _, err := objectHeader(head)
	if err != nil {
		return place{}, err
	}
	at := place{kind: kind, offset: offset, size: size}
	switch kind {
	case ofsDelta:
		back, err := deltaOffset(head)
		if err != nil {
			return place{}, err
		}
		if at.base = offset - back; back <= 0 {
			return place{}, fmt.Errorf("delta from itself: %w", ErrCorrupt)
		}
	case refDelta:
		if copy(at.id[:], head.buf[head.next:head.end]) != len(at.id) {
			return place{}, io.ErrUnexpectedEOF
		}
		head.next += len(at.id)
	}
	at.body = offset + int64(head.next)
	return at, nil
}

// baseOf returns the offset of the object that a delta starts from.
func (p *packFile) baseOf(at place) (int64, error) {
	if at.kind == ofsDelta {
		return at.base, nil
	}
	offset, ok, err := p.index.find(at.id)
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("base %s of a delta: %w", at.id, err)
	}
	return offset, nil
}

// byteReader reads bytes from a small array.
type byteReader struct {
	buf       [48]byte
	next, end int
}

func (b *byteReader) ReadByte() (byte, error) {
	if b.next == b.end {
		return 0, io.EOF
	}
	b.next++
	return b.buf[b.next-1], nil
}

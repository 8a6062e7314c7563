package pack

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/pjbgf/sha1cd"
)

// Limits of what a server may send.
type Limits struct {
	PackBytes   int64 // compressed bytes of one pack
	ObjectBytes int64 // decompressed bytes of one object
	Objects     int64 // objects of one pack
	DeltaMemory int64 // bytes of objects kept in memory to resolve deltas
}

// DefaultLimits lets through every repository that a release payload is made of, with room to spare.
func DefaultLimits() Limits {
	return Limits{PackBytes: 8 << 30, ObjectBytes: 2 << 30, Objects: 20_000_000, DeltaMemory: 512 << 20}
}

const trailerSize = sha1.Size

// entry is one object of a pack that is being received.
type entry struct {
	offset int64  // of its header
	body   int64  // of its compressed content
	size   int64  // of its content; of the delta where it is one
	id     ID     // of a refDelta the id of its base, until it is resolved
	base   int32  // of an ofsDelta the index of its base entry
	crc    uint32 // of header and compressed content
	kind   Type
}

// tee passes on what it reads, writes it to a file, and hashes all but the last 20 bytes, which are the pack's own
// checksum.
type tee struct {
	from  io.Reader
	to    io.Writer
	sum   hash.Hash
	tail  []byte
	total int64
	limit int64
	moved func(total int64)
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if n > 0 {
		if t.total += int64(n); t.total > t.limit {
			return 0, OverLimit("pack is larger than %d bytes", t.limit)
		}
		if _, err := t.to.Write(p[:n]); err != nil {
			return 0, err
		}
		t.tail = append(t.tail, p[:n]...)
		if known := len(t.tail) - trailerSize; known > 0 {
			t.sum.Write(t.tail[:known])
			t.tail = append(t.tail[:0], t.tail[known:]...)
		}
		t.moved(t.total)
	}
	return n, err
}

// scanner walks through a pack as it arrives.
type scanner struct {
	in       *bufio.Reader
	tee      *tee
	limits   Limits
	z        *inflater
	sum      sha1cd.CollisionResistantHash
	contents *Contents
	kept     io.Writer // sum and contents
	entries  []entry
}

func newScanner(from io.Reader, to io.Writer, rc Receiver) *scanner {
	moved := rc.Moved
	if moved == nil {
		moved = func(int64) {}
	}
	t := &tee{from: from, to: to, sum: sha1.New(), limit: rc.Limits.PackBytes, moved: moved}
	s := &scanner{
		in: bufio.NewReaderSize(t, 64<<10), tee: t, limits: rc.Limits, z: newInflater(),
		sum: sha1cd.New().(sha1cd.CollisionResistantHash), contents: rc.Contents,
	}
	s.kept = io.MultiWriter(s.sum, s.contents)
	return s
}

func (s *scanner) offset() int64 { return s.tee.total - int64(s.in.Buffered()) }

// scan reads the whole pack and returns its checksum. Ids are known afterwards of all objects that are not deltas.
func (s *scanner) scan(ctx context.Context) (ID, error) {
	var header [12]byte
	if _, err := io.ReadFull(s.in, header[:]); err != nil {
		return ID{}, fmt.Errorf("reading the header of the pack: %w", noEOF(err))
	}
	count := int64(binary.BigEndian.Uint32(header[8:]))
	if string(header[:4]) != "PACK" || binary.BigEndian.Uint32(header[4:]) != 2 {
		return ID{}, fmt.Errorf("not a pack of version 2: %w", ErrCorrupt)
	}
	if count > min(s.limits.Objects, math.MaxInt32) {
		return ID{}, OverLimit("pack of %d objects is over the limit of %d", count, s.limits.Objects)
	}
	for i := range count {
		if i%256 == 0 && ctx.Err() != nil {
			return ID{}, ctx.Err()
		}
		if err := s.object(); err != nil {
			return ID{}, fmt.Errorf("object %d of %d at byte %d: %w", i+1, count, s.offset(), err)
		}
	}
	return s.trailer()
}

func (s *scanner) object() error {
	e := entry{offset: s.offset(), base: -1}
	kind, size, _, err := objectHeader(s.in)
	if err != nil {
		return err
	}
	if size > s.limits.ObjectBytes {
		return OverLimit("object of %d bytes is over the limit of %d", size, s.limits.ObjectBytes)
	}
	e.kind, e.size = kind, size
	switch kind {
	case ofsDelta:
		back, err := deltaOffset(s.in)
		if err != nil {
			return err
		}
		if e.base = s.find(e.offset - back); e.base < 0 {
			return fmt.Errorf("delta from a place where no object begins: %w", ErrCorrupt)
		}
	case refDelta:
		if _, err := io.ReadFull(s.in, e.id[:]); err != nil {
			return noEOF(err)
		}
	}
	e.body = s.offset()
	if err := s.z.start(s.in); err != nil {
		return err
	}
	if kind.delta() {
		if err := s.z.copyTo(io.Discard, s.in, size); err != nil {
			return err
		}
		s.entries = append(s.entries, e)
		return nil
	}
	s.sum.Reset()
	s.sum.Write(appendHeader(nil, kind, size))
	to, keep := io.Writer(s.sum), kind == Blob && s.contents.begin(size)
	if keep {
		to = s.kept
	}
	if err := s.z.copyTo(to, s.in, size); err != nil {
		return err
	}
	if e.id, err = safeSum(s.sum); err != nil {
		return err
	}
	if keep {
		s.contents.commit(e.id)
	}
	s.entries = append(s.entries, e)
	return nil
}

// safeSum returns the hash, or an error if the content was made to collide with another.
func safeSum(h sha1cd.CollisionResistantHash) (ID, error) {
	sum, collision := h.CollisionResistantSum(nil)
	if collision {
		return ID{}, fmt.Errorf("content was made for a SHA-1 collision: %w", ErrCorrupt)
	}
	return ID(sum), nil
}

// find returns the index of the entry at an offset, or -1.
func (s *scanner) find(offset int64) int32 {
	low, high := 0, len(s.entries)
	for low < high {
		if middle := (low + high) / 2; s.entries[middle].offset < offset {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(s.entries) && s.entries[low].offset == offset {
		return int32(low)
	}
	return -1
}

// trailer reads the checksum at the end and compares it.
func (s *scanner) trailer() (ID, error) {
	var want ID
	if _, err := io.ReadFull(s.in, want[:]); err != nil {
		return ID{}, fmt.Errorf("reading the checksum of the pack: %w", noEOF(err))
	}
	if _, err := s.in.ReadByte(); err != io.EOF {
		if err != nil {
			return ID{}, fmt.Errorf("reading the end of the pack: %w", err)
		}
		return ID{}, fmt.Errorf("bytes after the end of the pack: %w", ErrCorrupt)
	}
	if got := ID(s.tee.sum.Sum(nil)); got != want {
		return ID{}, fmt.Errorf("checksum of the pack differs: %w", ErrCorrupt)
	}
	return want, nil
}

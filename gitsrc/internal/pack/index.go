package pack

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sort"
)

// The layout of a pack index of version 2: magic, 256 counts by first byte, then ids, CRCs, 32 bit offsets, 64 bit
// offsets for those that need more, the pack's checksum and its own.
const (
	indexMagic  = "\xfftOc\x00\x00\x00\x02"
	fanoutAt    = int64(len(indexMagic))
	idsAt       = fanoutAt + 256*4
	longOffset  = 1 << 31
	indexFooter = 2 * sha1.Size
)

// writeIndex writes the index of entries, which are sorted by id.
func writeIndex(w io.Writer, entries []entry, sum ID) error {
	hash := sha1.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, hash), 64<<10)
	word := func(n uint32) { out.Write(binary.BigEndian.AppendUint32(nil, n)) }
	out.WriteString(indexMagic)
	for first, n := 0, 0; first < 256; first++ {
		for n < len(entries) && int(entries[n].id[0]) <= first {
			n++
		}
		word(uint32(n))
	}
	for i := range entries {
		out.Write(entries[i].id[:])
	}
	for i := range entries {
		word(entries[i].crc)
	}
	var long []byte
	for i := range entries {
		if offset := entries[i].offset; offset < longOffset {
			word(uint32(offset))
		} else {
			word(uint32(longOffset | len(long)/8))
			long = binary.BigEndian.AppendUint64(long, uint64(offset))
		}
	}
	out.Write(long)
	out.Write(sum[:])
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(hash.Sum(nil))
	return err
}

// maxIndexMemory is how many bytes of an index are kept in memory; a larger one is read where it is needed.
const maxIndexMemory = 4 << 20

// index looks up objects in the index file of a pack.
type index struct {
	file    *os.File
	content []byte // of the file, if it is small; nil = read what is needed
	fanout  [256]uint32
	size    int64
}

func openIndex(path string) (*index, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x := &index{file: file}
	if err := x.load(); err != nil {
		file.Close()
		return nil, fmt.Errorf("reading pack index %q: %w", path, err)
	}
	return x, nil
}

func (x *index) load() error {
	info, err := x.file.Stat()
	if err != nil {
		return err
	}
	x.size = info.Size()
	if x.size <= maxIndexMemory {
		content := make([]byte, x.size)
		if _, err := x.file.ReadAt(content, 0); err != nil {
			return noEOF(err)
		}
		x.content = content
	}
	head, err := x.bytes(0, idsAt)
	if err != nil {
		return err
	}
	if string(head[:fanoutAt]) != indexMagic {
		return fmt.Errorf("not an index of version 2: %w", ErrCorrupt)
	}
	var last uint32
	for i := range x.fanout {
		x.fanout[i] = binary.BigEndian.Uint32(head[fanoutAt+int64(i)*4:])
		if x.fanout[i] < last {
			return fmt.Errorf("counts are not in order: %w", ErrCorrupt)
		}
		last = x.fanout[i]
	}
	if count := int64(last); x.size < idsAt+count*28+indexFooter {
		return fmt.Errorf("file is too short for %d objects: %w", count, ErrCorrupt)
	}
	return nil
}

func (x *index) count() int64 { return int64(x.fanout[255]) }

// find returns the offset of an object in the pack.
func (x *index) find(id ID) (offset int64, ok bool, err error) {
	position, ok, err := x.position(id)
	if err != nil || !ok {
		return 0, false, err
	}
	word, err := x.bytes(idsAt+x.count()*24+position*4, 4)
	if err != nil {
		return 0, false, err
	}
	short := binary.BigEndian.Uint32(word)
	if short < longOffset {
		return int64(short), true, nil
	}
	at := idsAt + x.count()*28 + int64(short-longOffset)*8
	if at+8 > x.size-indexFooter {
		return 0, false, fmt.Errorf("offset of %s is outside the index: %w", id, ErrCorrupt)
	}
	if word, err = x.bytes(at, 8); err != nil {
		return 0, false, err
	}
	return int64(binary.BigEndian.Uint64(word) &^ (1 << 63)), true, nil
}

// position returns which object of the index id is. All ids with the same first byte are looked at: on average 1/256
// of them.
func (x *index) position(id ID) (int64, bool, error) {
	low, high := int64(0), int64(x.fanout[id[0]])
	if id[0] > 0 {
		low = int64(x.fanout[id[0]-1])
	}
	if low == high {
		return 0, false, nil
	}
	ids, err := x.bytes(idsAt+low*int64(len(id)), (high-low)*int64(len(id)))
	if err != nil {
		return 0, false, err
	}
	n := sort.Search(int(high-low), func(i int) bool { return bytes.Compare(ids[i*len(id):(i+1)*len(id)], id[:]) >= 0 })
	if n == int(high-low) || ID(ids[n*len(id):(n+1)*len(id)]) != id {
		return 0, false, nil
	}
	return low + int64(n), true, nil
}

// bytes returns a part of the index, which must not be changed.
func (x *index) bytes(offset, length int64) ([]byte, error) {
	if x.content != nil {
		if offset < 0 || length < 0 || offset > int64(len(x.content))-length {
			return nil, io.ErrUnexpectedEOF
		}
		return x.content[offset : offset+length], nil
	}
	part := make([]byte, length)
	if _, err := x.file.ReadAt(part, offset); err != nil {
		return nil, noEOF(err)
	}
	return part, nil
}

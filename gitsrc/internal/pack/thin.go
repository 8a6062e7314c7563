package pack

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// Bases returns an object that the receiver has already: a server that knows sends deltas from it. It is a method of
// Database.
type Bases func(id ID) (Type, []byte, error)

// Object returns an object of any type, with its content checked against the id.
func (d *Database) Object(id ID) (Type, []byte, error) {
	kind, err := d.Type(id)
	if err != nil {
		return 0, nil, err
	}
	data, err := d.Read(id, kind)
	return kind, data, err
}

// complete adds the bases that a thin pack leaves out, so that the pack can be used by itself, and returns its new
// checksum.
func (s *scanner) complete(ctx context.Context, file *os.File, r *resolver, bases Bases) (ID, error) {
	end := s.tee.total - trailerSize
	z, err := zlib.NewWriterLevel(nil, zlib.BestSpeed) // one for all: each takes most of a megabyte
	if err != nil {
		return ID{}, err
	}
	for len(r.byID) > 0 {
		missing := slices.SortedFunc(maps.Keys(r.byID), func(a, b ID) int { return bytes.Compare(a[:], b[:]) })
		var added []int32
		for _, id := range missing {
			if ctx.Err() != nil {
				return ID{}, context.Cause(ctx)
			}
			kind, data, err := bases(id)
			if errors.Is(err, ErrNotFound) {
				continue // perhaps it is built from one that is there
			}
			if err != nil {
				return ID{}, err
			}
			e := entry{offset: end, size: int64(len(data)), id: id, base: -1, kind: kind}
			if e.body, end, err = appendObject(file, z, end, kind, data); err != nil {
				return ID{}, err
			}
			added = append(added, int32(len(s.entries)))
			s.entries = append(s.entries, e)
		}
		if len(added) == 0 {
			return ID{}, fmt.Errorf("base %s of a delta is neither in the pack nor here: %w", missing[0], ErrCorrupt)
		}
		r.entries = s.entries
		if err := r.run(ctx, added, 1); err != nil {
			return ID{}, err
		}
	}
	s.tee.total = end + trailerSize
	return seal(ctx, file, end, len(s.entries))
}

// appendObject writes an object at the end of a pack.
func appendObject(file *os.File, z *zlib.Writer, at int64, kind Type, data []byte) (body, end int64, err error) {
	buf := bytes.NewBuffer(packedHeader(kind, int64(len(data))))
	body = at + int64(buf.Len())
	z.Reset(buf)
	if _, err := z.Write(data); err != nil {
		return 0, 0, err
	}
	if err := z.Close(); err != nil {
		return 0, 0, err
	}
	_, err = file.WriteAt(buf.Bytes(), at)
	return body, at + int64(buf.Len()), err
}

// seal corrects the number of objects and the checksum.
func seal(ctx context.Context, file *os.File, end int64, count int) (ID, error) {
	if _, err := file.WriteAt(binary.BigEndian.AppendUint32(nil, uint32(count)), 8); err != nil {
		return ID{}, err
	}
	sum := sha1.New()
	if _, err := io.Copy(sum, interrupt.Reader(ctx, io.NewSectionReader(file, 0, end))); err != nil {
		return ID{}, err
	}
	id := ID(sum.Sum(nil))
	_, err := file.WriteAt(id[:], end)
	return id, err
}

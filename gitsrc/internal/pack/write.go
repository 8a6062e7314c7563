package pack

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
)

// Write writes a pack of some objects, none as a delta, as git reads it (gitformat-pack(5)).
func (d *Database) Write(ctx context.Context, to io.Writer, ids []ID) error {
	sum := sha1.New()
	w := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<16)
	header := binary.BigEndian.AppendUint32([]byte("PACK"), 2)
	if _, err := w.Write(binary.BigEndian.AppendUint32(header, uint32(len(ids)))); err != nil {
		return err
	}
	z, err := zlib.NewWriterLevel(w, zlib.BestSpeed)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := d.writeObject(w, z, id); err != nil {
			return fmt.Errorf("writing object %s to a pack: %w", id, err)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = to.Write(sum.Sum(nil))
	return err
}

func (d *Database) writeObject(w io.Writer, z *zlib.Writer, id ID) error {
	kind, err := d.Type(id)
	if err != nil {
		return err
	}
	size, err := d.Size(id)
	if err != nil {
		return err
	}
	if _, err := w.Write(packedHeader(kind, size)); err != nil {
		return err
	}
	z.Reset(w)
	if kind == Blob {
		_, err = d.WriteBlob(z, id)
	} else {
		var data []byte
		if data, err = d.Read(id, kind); err == nil {
			_, err = z.Write(data)
		}
	}
	if err != nil {
		return err
	}
	return z.Close()
}

// packedHeader is what an object of a type and a size begins with in a pack.
func packedHeader(kind Type, size int64) []byte {
	var header bytes.Buffer
	first := byte(kind)<<4 | byte(size&0x0f)
	for size >>= 4; size > 0; size >>= 7 {
		header.WriteByte(first | 0x80)
		first = byte(size & 0x7f)
	}
	header.WriteByte(first)
	return header.Bytes()
}

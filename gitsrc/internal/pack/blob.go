package pack

import (
	"fmt"
	"io"
)

// WriteBlob writes a file's content to w and checks that it has the id. What is not stored as a delta is never in
// memory as a whole.
func (d *Database) WriteBlob(w io.Writer, id ID) (int64, error) {
	p, offset, err := d.locate(id)
	if err != nil {
		return 0, fmt.Errorf("reading blob %s: %w", id, err)
	}
	if p != nil {
		if kept := d.contents.open(id); kept != nil {
			p.used.Store(true)
			return d.copy(w, kept)
		}
		n, plain, err := d.stream(w, p, offset, id)
		if err != nil {
			return 0, fmt.Errorf("reading blob %s: %w", id, err)
		}
		if plain {
			return n, nil
		}
	}
	r := d.reader()
	defer d.release(r) // not before the file is written: it may be large
	data, err := d.read(r, id, Blob)
	if err != nil {
		return 0, err
	}
	n, err := w.Write(data)
	return int64(n), err
}

// copy writes a file that Receive has inflated and hashed.
func (d *Database) copy(w io.Writer, kept *io.SectionReader) (int64, error) {
	r := d.reader()
	defer d.release(r)
	n, err := io.CopyBuffer(onlyWriter{w}, struct{ io.Reader }{kept}, r.z.buf)
	if err != nil {
		return n, fmt.Errorf("copying a file: %w", err)
	}
	return n, nil
}

// stream writes an object that is not a delta. plain is whether it is a file and none.
func (d *Database) stream(w io.Writer, p *packFile, offset int64, id ID) (size int64, plain bool, err error) {
	r := d.reader()
	defer d.release(r)
	r.z.own.Reset(io.NewSectionReader(p.file, offset, max(0, p.size-offset)))
	kind, size, _, err := objectHeader(r.z.own)
	if err != nil || kind != Blob {
		return 0, false, err
	}
	p.used.Store(true)
	if err := r.z.start(r.z.own); err != nil {
		return 0, false, err
	}
	r.sum.Reset()
	r.sum.Write(appendHeader(nil, Blob, size))
	if err := r.z.copyTo(io.MultiWriter(r.sum, w), r.z.own, size); err != nil {
		return 0, false, err
	}
	if ID(r.sum.Sum(nil)) != id {
		return 0, false, fmt.Errorf("content has another id: %w", ErrCorrupt)
	}
	return size, true, nil
}

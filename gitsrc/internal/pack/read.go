package pack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// object returns type and content of an object, unchecked.
func (d *Database) object(r *reader, id ID) (Type, []byte, error) {
	p, offset, err := d.locate(id)
	if err != nil {
		return 0, nil, err
	}
	if p == nil {
		return d.loose(r, id)
	}
	p.used.Store(true)
	return d.packed(r, p, offset)
}

// packed builds the object at an offset of a pack: deltas are collected back to an object that stands by itself, or
// to one that the cache has, then applied.
func (d *Database) packed(r *reader, p *packFile, offset int64) (Type, []byte, error) {
	var chain []place
	for {
		if kind, data, ok := d.bases.get(baseKey{p, offset}); ok {
			return d.applyChain(r, p, chain, kind, data)
		}
		at, err := p.place(offset)
		if err != nil {
			return 0, nil, err
		}
		if at.size > maxObjectMemory {
			return 0, nil, OverLimit("object of %d bytes is over the limit of %d", at.size, maxObjectMemory)
		}
		if !at.kind.delta() {
			data := r.large.make(at.size)
			if err := r.z.readFull(p.file, at.body, data); err != nil {
				return 0, nil, err
			}
			if len(chain) > 0 {
				d.bases.put(baseKey{p, offset}, at.kind, data)
			}
			return d.applyChain(r, p, chain, at.kind, data)
		}
		if chain = append(chain, at); len(chain) > maxChain {
			return 0, nil, fmt.Errorf("chain of more than %d deltas: %w", maxChain, ErrCorrupt)
		}
		if offset, err = p.baseOf(at); err != nil {
			return 0, nil, err
		}
	}
}

// applyChain applies deltas, the last first, to the object they begin with.
func (d *Database) applyChain(r *reader, p *packFile, chain []place, kind Type, data []byte) (Type, []byte, error) {
	for i := len(chain) - 1; i >= 0; i-- {
		delta := r.large.make(chain[i].size)
		if err := r.z.readFull(p.file, chain[i].body, delta); err != nil {
			return 0, nil, err
		}
		var err error
		r.large.take(announced(delta), int64(len(data)))
		if data, err = applyDelta(data, delta, maxObjectMemory); err != nil {
			return 0, nil, err
		}
		if i > 0 {
			d.bases.put(baseKey{p, chain[i].offset}, kind, data)
		}
	}
	return kind, data, nil
}

func (d *Database) openLoose(id ID) (*os.File, error) {
	name := id.String()
	for _, dir := range d.dirs {
		file, err := os.Open(filepath.Join(dir, name[:2], name[2:]))
		if !errors.Is(err, os.ErrNotExist) {
			return file, err
		}
	}
	return nil, ErrNotFound
}

// loose reads an object that is a file of its own: "TYPE SIZE\0CONTENT", compressed.
func (d *Database) loose(r *reader, id ID) (Type, []byte, error) {
	file, err := d.openLoose(id)
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	r.z.own.Reset(file)
	if err := r.z.start(r.z.own); err != nil {
		return 0, nil, err
	}
	content := bufio.NewReader(r.z.raw)
	head, err := content.ReadSlice(0)
	if err != nil {
		return 0, nil, fmt.Errorf("reading a loose object: %w", inflateError(noEOF(err)))
	}
	name, text, _ := bytes.Cut(head[:len(head)-1], []byte(" "))
	size, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || size < 0 || size > maxObjectMemory {
		return 0, nil, fmt.Errorf("loose object of size %q: %w", text, ErrCorrupt)
	}
	for _, kind := range []Type{Commit, Tree, Blob, Tag} {
		if kind.String() != string(name) {
			continue
		}
		data := r.large.make(size)
		if _, err := io.ReadFull(content, data); err != nil {
			return 0, nil, fmt.Errorf("reading a loose object: %w", inflateError(noEOF(err)))
		}
		return kind, data, nil
	}
	return 0, nil, fmt.Errorf("loose object of type %q: %w", name, ErrCorrupt)
}

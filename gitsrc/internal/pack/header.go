package pack

import (
	"fmt"
	"io"
)

// objectHeader reads the type and size in front of an object, and tells how many bytes they took.
func objectHeader(r io.ByteReader) (kind Type, size int64, length int, err error) {
	c, err := r.ReadByte()
	if err != nil {
		return 0, 0, 0, noEOF(err)
	}
	kind, size, length = Type(c>>4&7), int64(c&0x0f), 1
	for shift := 4; c&0x80 != 0; shift += 7 {
		if shift > 53 {
			return 0, 0, 0, fmt.Errorf("object with an absurd size: %w", ErrCorrupt)
		}
		if c, err = r.ReadByte(); err != nil {
			return 0, 0, 0, noEOF(err)
		}
		size |= int64(c&0x7f) << shift
		length++
	}
	if kind == 0 || kind == 5 {
		return 0, 0, 0, fmt.Errorf("object of unknown type %d: %w", kind, ErrCorrupt)
	}
	return kind, size, length, nil
}

// deltaOffset reads how far in front of an ofsDelta its base is.
func deltaOffset(r io.ByteReader) (int64, error) {
	var back int64
	for i := 0; ; i++ {
		c, err := r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		if i > 7 {
			return 0, fmt.Errorf("delta with an absurd offset: %w", ErrCorrupt)
		}
		if i > 0 {
			back++
		}
		back = back<<7 | int64(c&0x7f)
		if c&0x80 == 0 {
			return back, nil
		}
	}
}

package pack

import (
	"fmt"
	"math"
)

// applyDelta builds the object that delta describes as a difference from base. maxSize limits its size in bytes.
func applyDelta(base, delta []byte, maxSize int64) ([]byte, error) {
	from, delta, ok1 := deltaSize(delta)
	size, delta, ok2 := deltaSize(delta)
	if !ok1 || !ok2 || from != uint64(len(base)) || size > uint64(maxSize) {
		return nil, fmt.Errorf("delta has a wrong size: %w", ErrCorrupt)
	}
	out := make([]byte, 0, size)
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		var chunk []byte
		switch {
		case op&0x80 != 0:
			var offset, length uint64
			if offset, length, delta, ok1 = copyOperands(op, delta); !ok1 || offset+length > uint64(len(base)) {
				return nil, fmt.Errorf("delta copies from outside its base: %w", ErrCorrupt)
			}
			chunk = base[offset : offset+length]
		case op == 0 || int(op) > len(delta):
			return nil, fmt.Errorf("delta is cut short: %w", ErrCorrupt)
		default:
			chunk, delta = delta[:op], delta[op:]
		}
		if uint64(len(out)+len(chunk)) > size {
			return nil, fmt.Errorf("delta writes more than it announced: %w", ErrCorrupt)
		}
		out = append(out, chunk...)
	}
	if uint64(len(out)) != size {
		return nil, fmt.Errorf("delta writes less than it announced: %w", ErrCorrupt)
	}
	return out, nil
}

// announced returns how many bytes the object will have that a delta describes, by its own account; 0 = it does not
// say.
func announced(delta []byte) int64 {
	_, rest, _ := deltaSize(delta)
	size, _, ok := deltaSize(rest)
	if !ok {
		return 0
	}
	return int64(min(size, math.MaxInt64))
}

// deltaSize reads a little-endian base-128 number.
func deltaSize(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		if i > 8 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// copyOperands reads the bytes of offset and length that the bits of op announce. A length of 0 stands for 64 KiB.
func copyOperands(op byte, b []byte) (offset, length uint64, rest []byte, ok bool) {
	for bit := range 7 {
		if op&(1<<bit) == 0 {
			continue
		}
		if len(b) == 0 {
			return 0, 0, nil, false
		}
		if bit < 4 {
			offset |= uint64(b[0]) << (8 * bit)
		} else {
			length |= uint64(b[0]) << (8 * (bit - 4))
		}
		b = b[1:]
	}
	if length == 0 {
		length = 0x10000
	}
	return offset, length, b, true
}

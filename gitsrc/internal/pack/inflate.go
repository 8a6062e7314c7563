package pack

import (
	"bufio"
	"fmt"
	"hash/adler32"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater decompresses zlib streams one after the other with the same buffers.
type inflater struct {
	own *bufio.Reader // for reading at an offset of a file
	raw io.Reader     // a flate reader
	buf []byte
}

const copyBuffer = 32 << 10

func newInflater() *inflater {
	return &inflater{own: bufio.NewReaderSize(nil, 8<<10), raw: flate.NewReader(nil), buf: make([]byte, copyBuffer)}
}

// start begins a zlib stream. The reader must be a *bufio.Reader so that not a byte too many is taken from it.
func (z *inflater) start(r *bufio.Reader) error {
	var header [2]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return noEOF(err)
	}
	if header[0]&0x0f != 8 || header[1]&0x20 != 0 || (uint(header[0])<<8|uint(header[1]))%31 != 0 {
		return fmt.Errorf("bad zlib header: %w", ErrCorrupt)
	}
	return z.raw.(flate.Resetter).Reset(r, nil)
}

// copyTo writes the stream that start began to w and checks that it is size bytes long. It checks the zlib checksum
// too.
func (z *inflater) copyTo(w io.Writer, r *bufio.Reader, size int64) error {
	sum := adler32.New()
	var total int64
	for {
		n, err := z.raw.Read(z.buf)
		if total += int64(n); total > size {
			return fmt.Errorf("object is longer than its header says: %w", ErrCorrupt)
		}
		sum.Write(z.buf[:n])
		if _, err := w.Write(z.buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return inflateError(err)
		}
	}
	if total != size {
		return fmt.Errorf("object is shorter than its header says: %w", ErrCorrupt)
	}
	var trailer [4]byte
	if _, err := io.ReadFull(r, trailer[:]); err != nil {
		return noEOF(err)
	}
	if got := sum.Sum(nil); string(got) != string(trailer[:]) {
		return fmt.Errorf("zlib checksum differs: %w", ErrCorrupt)
	}
	return nil
}

// readHead fills dst with the beginning of what the zlib stream at an offset of a file decompresses to.
func (z *inflater) readHead(file io.ReaderAt, offset int64, dst []byte) error {
	z.own.Reset(io.NewSectionReader(file, offset, 1<<62-offset))
	if err := z.start(z.own); err != nil {
		return err
	}
	if _, err := io.ReadFull(z.raw, dst); err != nil {
		return inflateError(noEOF(err))
	}
	return nil
}

// readFull is readHead for all of a stream: dst has the size that the object's header gave.
func (z *inflater) readFull(file io.ReaderAt, offset int64, dst []byte) error {
	if err := z.readHead(file, offset, dst); err != nil {
		return err
	}
	if n, err := z.raw.Read(z.buf[:1]); n != 0 || err != io.EOF {
		return fmt.Errorf("object is longer than its header says: %w", ErrCorrupt)
	}
	return nil
}

// inflateError marks errors of the compressed stream itself; errors of the reader below pass unchanged.
func inflateError(err error) error {
	switch err.(type) {
	case flate.CorruptInputError, flate.InternalError:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// noEOF turns the end of input into an error, for places where more must come.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

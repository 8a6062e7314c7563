package pack

import (
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	maxContents      = 1 << 30 // bytes of files that are kept inflated
	maxContentsCount = 500_000
	contentsBuffer   = 256 << 10
)

// Contents keeps files as Receive inflates them, so that the checkout that follows does not inflate them again. They
// are in a file without a name: nothing is left of it when the process ends, however it ends. What does not fit is
// taken from the pack.
type Contents struct {
	mu     sync.Mutex
	file   *os.File // nil when full, or after an error
	places map[ID]span
	buffer []byte // what is not in the file yet
	end    int64  // of the file with the buffer
	begun  int64  // end before the file that is being written; -1 = none is
}

// span is a part of a file.
type span struct{ offset, size int64 }

// NewContents makes an empty one in dir, which must be on the same machine.
func NewContents(dir string) (*Contents, error) {
	file, err := os.CreateTemp(dir, TemporaryPrefix+"contents-")
	if err != nil {
		return nil, fmt.Errorf("keeping files for the checkout: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("keeping files for the checkout: %w", err)
	}
	return &Contents{file: file, places: map[ID]span{}, begun: -1}, nil
}

// Close gives the disk space back. It may be called more than once, and of nil.
func (c *Contents) Close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop()
}

// stop forgets everything.
func (c *Contents) stop() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file, c.places, c.buffer = nil, nil, nil
	return err
}

// begin announces a file of so many bytes, which Write then gets. It returns false if the file is not kept.
func (c *Contents) begin(size int64) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil || size > maxContents-c.end || len(c.places) >= maxContentsCount {
		return false
	}
	c.begun = c.end
	return true
}

// Write adds to the file that was begun. It does not fail: a full disk here is no reason to stop.
func (c *Contents) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.append(p)
	return len(p), nil
}

func (c *Contents) append(p []byte) {
	if c.file == nil {
		return
	}
	if len(c.buffer)+len(p) > contentsBuffer {
		c.flush()
	}
	if c.buffer = append(c.buffer, p...); len(c.buffer) > contentsBuffer {
		c.flush()
	}
	c.end += int64(len(p))
}

func (c *Contents) flush() {
	if c.file == nil || len(c.buffer) == 0 {
		return
	}
	if _, err := c.file.Write(c.buffer); err != nil {
		_ = c.stop()
		return
	}
	c.buffer = c.buffer[:0]
}

// commit gives what was written since begin its name.
func (c *Contents) commit(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil && c.begun >= 0 {
		c.places[id] = span{c.begun, c.end - c.begun}
	}
	c.begun = -1
}

// add keeps a file that is in memory.
func (c *Contents) add(id ID, data []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil || int64(len(data)) > maxContents-c.end || len(c.places) >= maxContentsCount {
		return
	}
	at := c.end
	if c.append(data); c.file != nil {
		c.places[id] = span{at, int64(len(data))}
	}
}

// open returns the content of a file, or nil if it is not kept.
func (c *Contents) open(id ID) *io.SectionReader {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flush(); c.file == nil {
		return nil
	}
	at, ok := c.places[id]
	if !ok {
		return nil
	}
	return io.NewSectionReader(c.file, at.offset, at.size)
}

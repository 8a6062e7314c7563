package pack

import (
	"runtime"
	"sync"
)

// largeObject is the size in bytes from which on objects are built one after the other. A server decides how large they
// are: with all processors at it they would take all the memory that there is.
const largeObject = 8 << 20

// memory is what large objects are built in, one after the other.
type memory struct{ sync.Mutex }

// share is the part of one goroutine in it.
type share struct {
	of   *memory
	held bool
}

// take waits for its turn before so many bytes are allocated by who has others already, if that makes many; release
// ends it. The garbage of large objects goes first: left to itself, the collector lets the heap double.
func (s *share) take(bytes, others int64) {
	if bytes+others >= largeObject && !s.held {
		s.of.Lock()
		s.held = true
	}
	if bytes >= largeObject {
		runtime.GC()
	}
}

// make is the built-in function after take.
func (s *share) make(bytes int64) []byte {
	s.take(bytes, 0)
	return make([]byte, bytes)
}

func (s *share) release() {
	if s.held {
		s.held = false
		s.of.Unlock()
	}
}

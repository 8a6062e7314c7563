// Package fuzzing bounds what a fuzz target takes for one input. Go's fuzzer finds what panics and what hangs, but not
// what makes the program of a user run out of memory.
package fuzzing

import (
	"runtime/metrics"
	"testing"
)

// memory is what one input may make a target allocate, in bytes, all together: more than it ever holds at once.
const memory = 256 << 20

// Case begins one input of a fuzz target. It fails t where the target allocates more than 256 MiB for it.
func Case(t *testing.T) {
	before := allocated()
	t.Cleanup(func() {
		if took := allocated() - before; took > memory {
			t.Errorf("this input made the target allocate %d MiB, more than %d MiB", took>>20, memory>>20)
		}
	})
}

// allocated returns how many bytes this process has allocated so far, those that were freed included.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

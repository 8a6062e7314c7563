package fuzzing

import "testing"

// TestAllocated counts what is allocated and freed again, as Case needs it.
func TestAllocated(t *testing.T) {
	before := allocated()
	var last []byte
	for range 10 {
		last = make([]byte, 1<<20)
	}
	if took := allocated() - before; took < 10<<20 || took > 20<<20 {
		t.Errorf("10 MiB and the like were counted as %d bytes (%d)", took, len(last))
	}
}

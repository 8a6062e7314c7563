package playground

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestWriteProgram starts programs as soon as they are written, while others are started all the time.
func TestWriteProgram(t *testing.T) {
	program := append([]byte("#!/bin/sh\nexit 0\n"), bytes.Repeat([]byte("#\n"), 1<<20)...)
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command("/bin/true").Run()
				}
			}
		})
	}
	defer others.Wait()
	defer close(stop)
	path := filepath.Join(t.TempDir(), "program")
	for range 50 {
		if err := WriteProgram(path, program); err != nil {
			t.Fatal(err)
		}
		if err := exec.Command(path).Run(); err != nil {
			t.Fatal(err)
		}
	}
}

package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// watchMemory follows the peak memory of a process until it is gone, and then sends it, in bytes.
func watchMemory(pid int) <-chan int64 {
	result := make(chan int64, 1)
	go func() {
		var peak int64
		for {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, found := strings.Cut(string(data), "VmHWM:")
			if err != nil || !found { // gone, or waiting to be reaped
				result <- peak
				return
			}
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				peak = max(peak, kib<<10)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return result
}

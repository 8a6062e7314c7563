package scratch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// remove unmounts what is mounted below a directory and removes it. As long as something is mounted there nothing is
// removed: it may be the user's own source.
func remove(path string) error {
	for range 2 { // a mount may hide another
		points, err := mountsBelow(path)
		if err != nil {
			return err
		}
		for _, point := range points {
			_ = unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
	}
	points, err := mountsBelow(path)
	if err == nil && len(points) > 0 {
		err = fmt.Errorf("%q is still mounted", points[0])
	}
	if err == nil {
		err = cache.RemoveAll(path)
	}
	if err != nil {
		return fmt.Errorf("removing the temporary directory %q: %w", path, err)
	}
	return nil
}

// mountsBelow returns what is mounted at a directory and below it, the last mount first.
func mountsBelow(path string) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	return parseMounts(string(data), path)
}

// parseMounts finds the mounts at a directory and below it in what the kernel lists (proc_pid_mountinfo(5)), the last
// one first.
func parseMounts(list, path string) ([]string, error) {
	var points []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			return nil, errors.New("reading what is mounted: a line is too short")
		}
		point := unescape(fields[4])
		if point == path || strings.HasPrefix(point, path+"/") {
			points = append(points, point)
		}
	}
	slices.Reverse(points)
	return points, nil
}

// unescape undoes the kernel's way of writing spaces, tabs, ends of lines and backslashes: as a backslash and three
// octal digits.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

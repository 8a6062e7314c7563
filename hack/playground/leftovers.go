package playground

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Leftovers lists what runs of the program should have cleared away: mounts, containers and temporary files. Storage
// must be the playground's own, and no run be under way.
func (p *Playground) Leftovers() (left []string, err error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		point := strings.Fields(line)[4]
		// The driver keeps its own directory mounted privately; a container's file system is below it.
		if strings.HasPrefix(point, p.Dir) && point != filepath.Join(p.StorageRoot(), "overlay") {
			left = append(left, "mount "+point)
		}
	}
	for _, kind := range []string{"overlay", "vfs"} {
		for _, list := range []string{"containers.json", "volatile-containers.json"} {
			data, err := os.ReadFile(filepath.Join(p.StorageRoot(), kind+"-containers", list))
			if err == nil && string(bytes.TrimSpace(data)) != "[]" {
				left = append(left, "containers "+string(data))
			}
		}
	}
	for _, directory := range []string{filepath.Join(p.Dir, "tmp"), filepath.Join(p.StorageRoot(), "oc-rebuild")} {
		entries, err := os.ReadDir(directory)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("looking for temporary files: %w", err)
		}
		for _, entry := range entries {
			left = append(left, "file "+filepath.Join(directory, entry.Name()))
		}
	}
	return left, nil
}

package builder

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
)

// withSpace adds to an error that tells of a full file system how much is free where images are kept and where
// temporary files are. The process that unpacks a layer says only that there is no space, not where.
func (b *Builder) withSpace(err error) error {
	if err == nil || !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
		return err
	}
	var free []string
	for _, directory := range []string{b.store.GraphRoot(), filepath.Clean(b.options.Temp)} {
		var stat unix.Statfs_t
		if unix.Statfs(directory, &stat) == nil {
			free = append(free, fmt.Sprintf("%s in %q",
				units.HumanSize(float64(stat.Bavail)*float64(stat.Bsize)), directory))
		}
	}
	return fmt.Errorf("%w (free: %s)", err, strings.Join(free, ", "))
}

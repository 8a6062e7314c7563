package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// Space that is too little for any build, and for a comfortable one, in bytes.
const (
	tooLittle = 2 << 30
	enough    = 15 << 30
)

// Storage opens the containers storage as a build would, and says which driver and isolation were chosen and why.
func Storage(ctx context.Context, options builder.Options) (findings []Finding) {
	b, err := builder.Open(ctx, options)
	if err != nil {
		advice := fault.AdviceOf(err)
		if advice == "" {
			advice = "Try --storage-root DIR with a directory on a local disk, or --storage-driver vfs."
		}
		return []Finding{{Check: "storage", State: Problem, Message: err.Error(), Advice: advice}}
	}
	defer func() {
		if err := b.Close(); err != nil {
			findings = append(findings, Finding{Check: "storage", State: Problem, Message: err.Error()})
		}
	}()
	driver, root := b.Driver()
	storage := Finding{Check: "storage", State: OK, Message: fmt.Sprintf("%s in %s", driver, root)}
	if driver == "vfs" {
		var system unix.Statfs_t
		if err := unix.Statfs(root, &system); err != nil {
			system.Type = 0 // the usual advice
		}
		storage.State, storage.Advice = Note, "vfs copies every layer. "+withoutVFS(int64(system.Type), root)
	}
	chosen := b.Isolation()
	isolation := Finding{Check: "isolation", State: OK,
		Message: fmt.Sprintf("%s %s: %s", chosen.Name, chosen.Runtime, chosen.Reason)}
	if exposed := chosen.Exposed(); exposed != "" {
		isolation.State, isolation.Advice = Note, exposed
	}
	findings = []Finding{storage, isolation, Space("space for images", root)}
	abandoned, err := b.Abandoned()
	if err != nil {
		return append(findings, Finding{Check: "containers", State: Problem, Message: err.Error()})
	}
	return append(findings, leftovers("containers", len(abandoned), root, abandonedNames(abandoned)))
}

// withoutVFS says what the overlay driver takes where the storage lies on a file system of a type as statfs(2) has it.
func withoutVFS(system int64, root string) string {
	if system == unix.OVERLAYFS_SUPER_MAGIC {
		return root + " is on an overlay, as a container's own files are, on which another one cannot lie: mount a volume there, such as an emptyDir " +
			"in a pod, or name one with --storage-root."
	}
	return "overlay needs a kernel of 5.13 or later, or fuse-overlayfs and /dev/fuse."
}

// abandonedNames are the names by which podman and buildah list containers.
func abandonedNames(containers []storage.Container) []string {
	var names []string
	for _, container := range containers {
		names = append(names, container.ID[:min(12, len(container.ID))])
	}
	return names
}

// Space checks how much room there is where a directory is or would be.
func Space(check, directory string) Finding {
	existing := directory
	for {
		if _, err := os.Stat(existing); !errors.Is(err, os.ErrNotExist) || existing == filepath.Dir(existing) {
			break
		}
		existing = filepath.Dir(existing)
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(existing, &stat); err != nil {
		return Finding{Check: check, State: Note, Message: fmt.Sprintf("%s: %v", directory, err)}
	}
	free := stat.Bavail * uint64(stat.Bsize)
	finding := Finding{Check: check, State: OK,
		Message: fmt.Sprintf("%.1f GB free in %s", float64(free)/1e9, directory)}
	switch {
	case free < tooLittle:
		finding.State, finding.Advice = Problem,
			"Free some space there: `oc rebuild cache prune` removes what earlier runs left."
	case free < enough:
		finding.State, finding.Advice = Note,
			"Base images with a toolchain take several gigabytes; `oc rebuild cache prune` removes what earlier runs left."
	}
	return finding
}

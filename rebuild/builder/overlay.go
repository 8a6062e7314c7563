package builder

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.podman.io/storage/pkg/mount"
	"go.podman.io/storage/pkg/unshare"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Over a build context and what RUN --mount=type=bind names buildah mounts an overlay, of which nothing is kept. When
// one is unmounted, the kernel writes everything to the disk that any program on the machine left unwritten in the file
// system below, which takes seconds after a compilation. It does not for an overlay that is mounted as volatile
// (docs.kernel.org/filesystems/overlayfs.html). Buildah has no option for that, but lets a program mount them.

// overlayProgram is the name under which this program mounts an overlay.
const overlayProgram = "oc-rebuild-overlay"

// overlayError is what the file with its error has after its name.
const overlayError = ".error"

// makeOverlayProgram makes the program in a directory and returns its path.
func makeOverlayProgram(directory string) (string, error) {
	program := filepath.Join(directory, overlayProgram)
	if err := os.Symlink("/proc/self/exe", program); err != nil {
		return "", fmt.Errorf("making a scratch directory: %w", err)
	}
	return program, nil
}

// reexecOverlay mounts an overlay where this process was started for it, and reports whether it was.
func reexecOverlay() bool {
	if filepath.Base(os.Args[0]) != overlayProgram {
		return false
	}
	if len(os.Args) != 4 {
		fmt.Fprintf(os.Stderr, "usage: %s -o OPTIONS DIRECTORY\n", overlayProgram)
		os.Exit(2)
	}
	if err := mountOverlay(os.Args[2], os.Args[3]); err != nil { // buildah passes on nothing but the exit code
		_ = os.WriteFile(os.Args[0]+overlayError, []byte(err.Error()), 0o600)
		os.Exit(1)
	}
	return true
}

// explainOverlay adds to the error of a build why an overlay could not be mounted by the program in a directory.
func explainOverlay(directory string, err error) error {
	why, readErr := os.ReadFile(filepath.Join(directory, overlayProgram+overlayError))
	if err == nil || readErr != nil {
		return err
	}
	advice := ""
	var system unix.Statfs_t
	if unix.Statfs(cmp.Or(os.Getenv("TMPDIR"), "/var/tmp"), &system) == nil && // where buildah mounts them
		int64(system.Type) == unix.OVERLAYFS_SUPER_MAGIC {
		advice = "Let TMPDIR name a directory on a volume: it is on an overlay, as a container's own files are, on which another one cannot lie."
	}
	return fault.New(fault.Other, advice, fmt.Errorf("%w: %s", err, why))
}

// mountOverlay mounts as buildah would, but volatile where the kernel knows that (Linux 5.10).
func mountOverlay(options, directory string) error {
	if unshare.IsRootless() {
		options += ",userxattr"
	}
	if mount.Mount("overlay", directory, "overlay", options+",volatile") == nil {
		return nil
	}
	return mount.Mount("overlay", directory, "overlay", options)
}

// GraphOptions implements storage.Store. Buildah looks in them for the program that mounts overlays.
func (s buildStore) GraphOptions() []string {
	options := slices.Clone(s.ownedStore.GraphOptions())
	if s.overlayProgram == "" {
		return options
	}
	for _, option := range options {
		if name, _, _ := strings.Cut(option, "="); strings.HasSuffix(name, ".mount_program") { // the user chose one
			return options
		}
	}
	return append(options, "overlay.mount_program="+s.overlayProgram)
}

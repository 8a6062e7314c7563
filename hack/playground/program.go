package playground

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// programTags are the build tags of the program, as in the Makefile.
const programTags = "containers_image_openpgp exclude_graphdriver_btrfs osusergo"

// BuildProgram builds the program at a path as the Makefile does, so that what is compiled for one is there for the
// other, and with more flags, of which the last of a kind counts. For `make coverage`, which sets GOCOVERDIR, it counts
// what it runs.
func BuildProgram(ctx context.Context, path string, flags ...string) error {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("looking for the module: %w", err)
	}
	build := filepath.Join(strings.TrimSpace(string(module)), "hack", "build")
	args := append([]string{path, "-trimpath", "-tags", programTags, "-ldflags", "-s -w"}, flags...)
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg", "github.com/oc-rebuild/oc-rebuild/...")
	}
	out, err := exec.CommandContext(ctx, build, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the program: %w: %s", err, out)
	}
	return nil
}

// WriteProgram writes a program that is to be started soon. While another goroutine starts some program, its child has
// all files of this process until it runs, and the kernel starts no program that somebody may write to (ETXTBSY): so
// nothing is started meanwhile.
func WriteProgram(path string, program []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, program, 0o755)
}

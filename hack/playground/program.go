package playground

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// programTags are the build tags of the program, as in the Makefile.
const programTags = "containers_image_openpgp exclude_graphdriver_btrfs osusergo"

// BuildProgram builds the program at a path with the flags that the Makefile has, so that what is compiled for one is
// there for the other, and with more.
func BuildProgram(ctx context.Context, path string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-tags", programTags, "-ldflags", "-s -w", "-o", path}, flags...)
	args = append(args, "github.com/oc-rebuild/oc-rebuild/cmd/oc-rebuild")
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
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

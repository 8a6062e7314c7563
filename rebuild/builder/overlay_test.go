package builder_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// writer is a function that is called for what is written.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// TestOverlaysAreNotWrittenToDisk looks at the overlay over the build context while a step runs: what makes unmounting
// it wait for the disk is turned off.
func TestOverlaysAreNotWrittenToDisk(t *testing.T) {
	var seen []string
	_, err := open(t).Build(t.Context(), builder.Build{
		Name: "one", Context: files(t, map[string]string{"a": ""}), Dockerfile: []byte("FROM scratch\nCOPY . /\n"),
		Log: writer(func([]byte) {
			mounts, err := os.Open("/proc/self/mountinfo")
			if err != nil {
				t.Error(err)
				return
			}
			defer mounts.Close()
			for lines := bufio.NewScanner(mounts); lines.Scan(); {
				if strings.Contains(lines.Text(), "/buildah-context-") {
					seen = append(seen, lines.Text())
				}
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) == 0 || slices.ContainsFunc(seen,
		func(line string) bool { return !strings.Contains(line, "volatile") }) {
		t.Errorf("mounted over the context: %q", seen)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil ||
		strings.Contains(string(mounts), "/buildah-context-") {
		t.Errorf("mounted after the build: %v\n%s", err, mounts)
	}
}

// TestOverlayOnOverlay builds where the directory for temporary files is on an overlay, as in a container: the error
// says what is wrong with it.
func TestOverlayOnOverlay(t *testing.T) {
	b := open(t)
	top := files(t, map[string]string{"lower/a": "", "upper/a": "", "work/a": "", "merged/a": ""})
	merged := filepath.Join(top, "merged")
	options := fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", top, top, top)
	err := unix.Mount("overlay", merged, "overlay", 0, options)
	if err != nil { // of an ordinary user's namespace
		err = unix.Mount("overlay", merged, "overlay", 0, options+",userxattr")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(merged, unix.MNT_DETACH) //nolint:errcheck // it ends with the namespace
	t.Setenv("TMPDIR", merged)
	_, err = b.Build(t.Context(), builder.Build{Name: "one", Context: t.TempDir(),
		Dockerfile: []byte("FROM scratch\nCOPY . /\n"), Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "invalid argument") ||
		!strings.Contains(fault.AdviceOf(err), "Let TMPDIR name a directory on a volume") {
		t.Errorf("the error is %v, the advice %q", err, fault.AdviceOf(err))
	}
}

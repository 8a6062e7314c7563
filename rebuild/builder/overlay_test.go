package builder_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// writer is a function that is called for what is written.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// TestOverlaysAreNotWrittenToDisk looks at the overlay over the build context while a step runs: what makes unmounting it
// wait for the disk is turned off.
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
	if len(seen) == 0 || slices.ContainsFunc(seen, func(line string) bool { return !strings.Contains(line, "volatile") }) {
		t.Errorf("mounted over the context: %q", seen)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), "/buildah-context-") {
		t.Errorf("mounted after the build: %v\n%s", err, mounts)
	}
}

package cli

import (
	"io"
	"os"
	"testing"
)

// TestNothingStaysOpen runs jobs that fail at each thing that is opened for them: a watch goes on after such a round.
func TestNothingStaysOpen(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	data, plain := t.TempDir(), t.TempDir()+"/file"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() int {
		t.Helper()
		descriptors, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(descriptors)
	}
	for _, flags := range [][]string{
		{"--build-data", data, "--config-resolver", "nonsense"}, {"--build-data", data + "/nowhere"},
		{"--build-data", data, "--release-repo", data},
		{"--build-data", data, "--storage-root", "a,b"}, {"--registry-config", plain + "/x"},
		{"--build-data", data, "--isolation", "x"},
	} {
		before := 0
		for round := range 5 {
			args := append([]string{"oc-rebuild", "plan", "one", "--from-release", "127.0.0.1:1/a/b:c",
				"--cache-dir", t.TempDir(),
				"--config", plain}, flags...)
			if code := Execute(t.Context(), Streams{Out: io.Discard, Err: io.Discard}, "", args); code == 0 {
				t.Errorf("%q succeeds", flags)
			}
			if now := open(); round == 1 {
				before = now
			} else if round > 1 && now > before {
				t.Errorf("with %q %d descriptors are open, a round before %d", flags, now, before)
				break
			}
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

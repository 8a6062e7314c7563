package cli_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli"
)

// TestUnread closes what the result is written to: the run ends without a word, and leaves nothing.
func TestUnread(t *testing.T) {
	_, release, _ := seed(t)
	authorities := filepath.Join(t.TempDir(), "ca.crt") // for which a client has a temporary directory
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	reader, writer, err := os.Pipe()
	if err := errors.Join(err, os.WriteFile(authorities, nil, 0o600), reader.Close()); err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	var messages bytes.Buffer
	code := cli.Execute(t.Context(), cli.Streams{In: strings.NewReader(""), Out: writer, Err: &messages}, "test",
		[]string{"oc-rebuild", "mirror", "--insecure", "--certificate-authority", authorities, release.PullSpec,
			"--to", "q.io/x/y", "--dry-run"})
	if code != 141 || messages.Len() > 0 {
		t.Errorf("exit code %d, want 141, and this is said: %q", code, &messages)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

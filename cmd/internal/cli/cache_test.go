package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/machine"
)

func TestCacheListsWhatIsThere(t *testing.T) {
	directory := t.TempDir()
	for _, name := range []string{"blobs/sha256-1", "blobs/sha256-2", "logs/x.log"} {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1000000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := cache.Name(filepath.Join(directory, "compile", "0123"), "https://example.org/a\x1b[31m"); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	streams := Streams{Out: &out, Err: &problems}
	if code := Execute(t.Context(), streams, "test",
		[]string{"oc-rebuild", "cache", "--cache-dir", directory}); code != 0 {
		t.Fatalf("cache: exit code %d: %s", code, problems.String())
	}
	for _, want := range []string{"2 files", "2.0 MB", `https://example.org/a\x1b[31m`, "1 files", "3.0 MB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("cache does not show %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if code := Execute(t.Context(), streams, "test",
		[]string{"oc-rebuild", "cache", "--cache-dir", directory, "-o", "json"}); code != 0 {
		t.Fatalf("cache -o json: exit code %d: %s", code, problems.String())
	}
	var entries []cache.Entry
	if err := json.Unmarshal(out.Bytes(), &entries); err != nil || len(entries) != 4 {
		t.Errorf("cache -o json = %d entries, %v, want 4", len(entries), err)
	}
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 168 * time.Hour, "0d": 0, "12h30m": 750 * time.Minute} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-5h", "7", "1e9d", "99999999d", "x"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("parseAge(%q) = %v, want an error", text, got)
		}
	}
}

func TestFindingsArePrintedWithWhatToDo(t *testing.T) {
	var out bytes.Buffer
	err := printFindings(&out, []machine.Finding{
		{Check: "user", State: machine.OK, Message: "root"},
		{Check: "storage", State: machine.Problem, Message: "no\x1b[31m space", Advice: "Free some.\nOr more."},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "ok       user                   root\n" +
		"problem  storage                no\\x1b[31m space\n" +
		"                                Free some.\n" +
		"                                Or more.\n"
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

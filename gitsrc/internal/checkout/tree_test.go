package checkout_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

func line(mode, name string) string { return mode + " " + name + "\x00" + strings.Repeat("i", 20) }

func TestParseTree(t *testing.T) {
	entries, err := checkout.ParseTree([]byte(line("100644", ".gitignore") + line("100755", "a b") +
		line("40000", ".github") +
		line("120000", "..x") + line("160000", "ünicode") + line("100664", "old")))
	if err != nil || len(entries) != 6 || entries[1].Name != "a b" || entries[1].Mode != checkout.Executable ||
		entries[2].Mode != checkout.Directory {
		t.Errorf("ParseTree = %v, %v", entries, err)
	}
	for _, bad := range []string{
		line("40000", ".git"), line("40000", ".GiT"), line("40000", "git~1"), line("40000", "GIT~1"),
		line("40000", ".git. ."),
		line("40000", ".git:x"),
		line("40000", ".g\u200dit"), line("100644", "a\\b"), line("100644", "a/b"), line("100644", ".."),
		line("100644", "."), line("100644", ""),
		line("120000", ".gitmodules"), line("120000", ".GITmodules"), line("100600", "x"), line("0", "x"),
		line("1006449", "x"),
		line("10064x", "x"),
		line("100644", "a") + line("40000", "a"), "100644 a\x00short", "100644", "100644 a", " a\x00", line("", "x"),
		line("100644", strings.Repeat("n", 256)),
	} {
		if entries, err := checkout.ParseTree([]byte(bad)); !errors.Is(err, pack.ErrCorrupt) {
			t.Errorf("ParseTree(%q) = %v, %v, want ErrCorrupt", bad, entries, err)
		}
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte(line("100644", "a") + line("40000", "b")))
	f.Add([]byte(line("40000", ".git")))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		entries, err := checkout.ParseTree(data)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !filepath.IsLocal(e.Name) || strings.ContainsAny(e.Name, "/\\\x00") ||
				strings.EqualFold(e.Name, ".git") {
				t.Errorf("ParseTree lets %q through", e.Name)
			}
		}
	})
}

package cli_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli"
)

// TestFlagsOfOC holds docs/oc-adm-release.md against the flags that there are.
func TestFlagsOfOC(t *testing.T) {
	document, err := os.ReadFile("../../../docs/oc-adm-release.md")
	if err != nil {
		t.Fatal(err)
	}
	root := cli.New(cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, "test", "oc rebuild")
	command, rows := "", 0
	for line := range strings.Lines(string(document)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			command = name
		}
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " --") {
			continue
		}
		rows++
		flag, state := strings.TrimPrefix(strings.TrimSpace(cells[1]), "--"), strings.TrimSpace(cells[2])
		found, _, err := root.Find([]string{command})
		if err != nil || found == root {
			t.Fatalf("there is no command %q: %v", command, err)
		}
		has := found.Flags().Lookup(flag)
		switch {
		case (has == nil) != (state == "missing"):
			t.Errorf("%s --%s is %s, and the command has it: %v", command, flag, state, has != nil)
		case has != nil && strings.HasPrefix(has.Usage, "ignored:") && state != "ignored":
			t.Errorf("%s --%s is ignored, and the document says %s", command, flag, state)
		}
	}
	if rows < 80 {
		t.Errorf("%d flags were looked at", rows)
	}
}

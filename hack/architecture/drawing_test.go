package architecture

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDrawing compares the packages in docs/architecture.md with those that there are.
func TestDrawing(t *testing.T) {
	document, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var drawn []string
	above := ""
	for line := range strings.Lines(string(document)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		name = strings.TrimSuffix(name, "/")
		switch {
		case strings.HasPrefix(line, "        "):
			drawn = append(drawn, path.Join(above, name))
		case strings.HasPrefix(line, "    "):
			above = name
			drawn = append(drawn, name)
		}
		if name == "hack" {
			break
		}
	}
	output, err := exec.Command("go", "list", "-tags", "containers_image_openpgp exclude_graphdriver_btrfs osusergo",
		module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	there := []string{"hack"}
	for _, name := range strings.Fields(string(output)) {
		if name = strings.TrimPrefix(name, module+"/"); !strings.HasPrefix(name, "hack/") {
			there = append(there, name)
		}
	}
	slices.Sort(drawn)
	slices.Sort(there)
	if diff := cmp.Diff(there, drawn); diff != "" {
		t.Errorf("packages that there are, and those that are drawn (-there +drawn):\n%s", diff)
	}
}

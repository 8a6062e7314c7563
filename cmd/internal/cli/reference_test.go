package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write docs/commands instead of comparing with it")

// TestReferenceIsCurrent compares docs/commands with what the code says; `make docs` writes it.
func TestReferenceIsCurrent(t *testing.T) {
	root := New(Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, "", "oc rebuild")
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	directory := filepath.Join("..", "..", "..", "docs", "commands")
	want := map[string]string{}
	describeCommand(t, root, want)
	if *update {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string]string{}
	files, err := filepath.Glob(filepath.Join(directory, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(file)] = string(data)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/commands is not current; run `make docs` (-code +file):\n%s", diff)
	}
}

// describeCommand writes the page of a command and of those below it.
func describeCommand(t *testing.T, command *cobra.Command, pages map[string]string) {
	t.Helper()
	command.DisableAutoGenTag = true
	var page bytes.Buffer
	link := func(name string) string { return strings.ReplaceAll(name, "oc-rebuild_", "oc-rebuild-") }
	if err := doc.GenMarkdownCustom(command, &page, link); err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll(strings.TrimPrefix(command.CommandPath(), "oc rebuild"), " ", "-")
	pages["oc-rebuild"+name+".md"] = page.String()
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() && child.Parent().Name() != "completion" {
			describeCommand(t, child, pages)
		}
	}
}

package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var man = flag.String("man", "", "directory to write manual pages to")

// TestManual makes a manual page of every command; `make man` keeps them.
func TestManual(t *testing.T) {
	root := New(Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, "", "oc rebuild")
	each(root, func(command *cobra.Command) { command.DisableAutoGenTag = true })
	directory := t.TempDir()
	if *man != "" {
		directory = *man
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	epoch := time.Unix(0, 0).UTC() // the same code gives the same pages
	err := doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: &doc.GenManHeader{Section: "1",
		Source: "oc-rebuild", Manual: "oc rebuild", Date: &epoch},
		Path: directory, CommandSeparator: "-"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oc-rebuild.1", "oc-rebuild-plan.1", "oc-rebuild-deploy.1"} {
		data, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil || !strings.Contains(string(data), ".SH SYNOPSIS") {
			entries, _ := os.ReadDir(directory)
			t.Errorf("%s: %v; there are %v", name, err, entries)
		}
	}
}

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
	link := func(name string) string { return strings.ReplaceAll(name, "_", "-") }
	if err := doc.GenMarkdownCustom(command, &page, link); err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll(strings.TrimPrefix(command.CommandPath(), "oc rebuild"), " ", "-")
	pages["oc-rebuild"+name+".md"] = page.String()
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() {
			describeCommand(t, child, pages)
		}
	}
}

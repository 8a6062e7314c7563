package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/cover"
)

// TestAdvices finds the places that give advice, and which of them were run.
func TestAdvices(t *testing.T) {
	root := t.TempDir()
	const text = `package a

func f(err error) error {
	if err != nil {
		return fault.New(fault.Usage, "Do this.", err)
	}
	_ = fault.New(fault.Usage, "", err)
	_ = other.New(fault.Usage, "Do that.", err)
	return &fault.Error{Kind: fault.Usage, Advice: "Or this."}
}
`
	for _, directory := range []string{"cmd", "rebuild", "payload", "ciconfig", "gitsrc", "internal"} {
		if err := os.Mkdir(filepath.Join(root, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(root, "rebuild", "a.go")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sites, err := advices(root)
	if err != nil || len(sites) != 2 || sites[0].Line != 5 || sites[1].Line != 9 {
		t.Fatalf("advices() = %v, %v, want lines 5 and 9", sites, err)
	}
	for i := range sites {
		sites[i].Filename = "rebuild/a.go"
	}
	profile := filepath.Join(root, "profile")
	const counts = "mode: set\n" +
		module + "/rebuild/a.go:3.27,4.16 1 1\n" + module + "/rebuild/a.go:4.16,6.3 1 0\n" + module +
		"/rebuild/a.go:7.2,10.2 3 1\n"
	if err := os.WriteFile(profile, []byte(counts), 0o600); err != nil {
		t.Fatal(err)
	}
	covered, err := cover.ParseProfiles(profile)
	if err != nil {
		t.Fatal(err)
	}
	if ran(covered, sites[0]) || !ran(covered, sites[1]) {
		t.Error("want the first to be missing, and the second not")
	}
}

// TestNames are calls that only look like it.
func TestNames(t *testing.T) {
	for text, want := range map[string]bool{`fault.New(a, "x", b)`: true, `fault.New(a, x(), b)`: true,
		`New(a, "x", b)`:          false,
		`fault.Errorf(a, "x", b)`: false, `fault.Error{Kind: a}`: false, `a.Error{Advice: "x"}`: false} {
		expression, err := parser.ParseExprFrom(token.NewFileSet(), "", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		ast.Inspect(expression, func(node ast.Node) bool { found = found || gives(node); return true })
		if found != want {
			t.Errorf("%s: %v, want %v", text, found, want)
		}
	}
}

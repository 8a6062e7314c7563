package gitsrc_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// TestAttributes compares checkouts of files of all kinds, with .gitattributes made by chance, with those of git.
func TestAttributes(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	contents := []string{"", "a", "a\nb\n", "a\r\nb\r\n", "a\r\nb\n", "a\rb\n", "a\x00b\n", "a\n\x1a",
		"\x01\x02\n", "\n", "\r\n\n",
		"$Id$\n", "$Id: 0123 $\n", "$Id: by another program $ $Id$", "$Id:$\n$Id: \n$", "$Id: x$ $Id:  $ $Identity$",
		"$Id", "$Id$Id$ $Id:\t$"}
	names := []string{"a.txt", "b.bat", "c", "sub/a.txt", "sub/b.bat", "sub/deep/c.txt", "txt/a", ".hidden/a.txt"}
	patterns := []string{"*", "*.txt", "*.bat", "/a.txt", "sub/*", "sub/**", "**/c.txt", "sub", "sub/", "txt",
		"deep/c.txt", "[ab]*",
		"a?txt", "# a", "[attr]mine", "!c", `"c"`, "sub//a.txt"}
	words := []string{"text", "-text", "!text", "text=auto", "eol=crlf", "eol=lf", "-eol", "!eol", "binary",
		"ident", "-ident",
		"!ident", "crlf", "-crlf", "!crlf", "crlf=input",
		"diff=x", "filter=none", "export-subst", "=x", "eol=nonsense", "te xt", "text=input", "text=x", "-binary",
		"!binary", "ident=x"}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	s, _ := server.store(t)
	for round := range 40 {
		files := map[string]string{}
		for _, name := range names {
			files[name] = pick(contents)
		}
		for _, directory := range []string{"", "sub/", "sub/deep/"} {
			var text strings.Builder
			for range random.IntN(5) {
				fmt.Fprintf(&text, "%s %s %s\n", pick(patterns), pick(words), pick(words))
			}
			files[directory+".gitattributes"] = text.String()
		}
		commit := upstream.commitFiles("main", "one", files)
		tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit})
		clone := repo{t, filepath.Join(t.TempDir(), "clone")}
		upstream.git("clone", "-q", upstream.dir, clone.dir)
		for name := range files {
			want, err := os.ReadFile(filepath.Join(clone.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(tree.Directory, name)); err != nil || string(got) != string(want) {
				t.Errorf("round %d: %s is %q, want %q (%v); it was %q, attributes:\n%s\n%s\n%s", round, name, got,
					want, err, files[name],
					files[".gitattributes"], files["sub/.gitattributes"], files["sub/deep/.gitattributes"])
			}
		}
		if status := (repo{t, tree.Directory}).git("status", "--porcelain"); status != "" {
			t.Errorf("round %d: git status says %q", round, status)
		}
	}
}

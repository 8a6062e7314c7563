package dockerfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// TestUpstreamRewriting compares rewritten Dockerfiles with those of CI's own code. CI writes its syntax tree back,
// so that the two are compared after parsing. Here-documents are the exception: CI loses their bodies, and the test
// demands that they are kept.
func TestUpstreamRewriting(t *testing.T) {
	data, err := os.ReadFile(realdata.Path(t, "golden", "dockerfile-rewrite.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Name, Dockerfile, From, Out string
		As                          map[string]string
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden) != 13 {
		t.Fatalf("%d cases, want 13", len(golden))
	}
	for _, test := range golden {
		t.Run(test.Name, func(t *testing.T) {
			file, err := dockerfile.Parse([]byte(test.Dockerfile), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := file.Replace(file.Substitute(test.From, test.As, false))
			if err != nil {
				t.Fatal(err)
			}
			want := test.Out
			if test.Name == "heredoc" {
				want = "FROM R1\nRUN <<EOT\necho a\necho b\nEOT\nCOPY <<EOF /f\nhello\nEOF\n"
			}
			if diff := cmp.Diff(dump(t, []byte(want)), dump(t, got.Text())); diff != "" {
				t.Errorf("Dockerfiles differ (-upstream +ours):\n%s", diff)
			}
		})
	}
}

// dump parses a Dockerfile and writes its syntax tree down.
func dump(t *testing.T, data []byte) string {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return result.AST.Dump()
}

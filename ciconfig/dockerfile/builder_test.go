package dockerfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// TestReadsLikeTheBuilder compares the references with what the builder's own parser sees in the same Dockerfile.
func TestReadsLikeTheBuilder(t *testing.T) {
	texts := append([]string{
		"FROM a \\\n\n# FROM x\n AS b\nFROM b\nCOPY --from=b --chown=1 / /\n",
		"FROM a\nRUN echo <<A <<-B\nFROM x\nA\n\tFROM y\n\tB\nFROM z\nCOPY <<'E' --from=q /\nFROM w\nE\n",
		"FROM a\nRUN echo \\\n  # comment \\\nFROM x\nFROM y\n",
		"FROM a\nRUN echo \"<<A\" '<<B' \\<<C $((1<<2)) <<<x\nFROM y\n",
		"FROM a\nRUN cat << \"E F\" <<- x\nFROM x\nE F\nFROM b\n",
		"FROM a\r\nRUN x \\\r\n  y\r\nFROM b\r\n",
		"# escape=`\nFROM a\nRUN dir c:\\\nFROM b `\n AS c\n",
		"\n\n  # c\n\tFROM a\nCOPY --from='x' / /\nCOPY --from=\"y\" / /\n",
		"FROM a\nCOPY --chown=x:y --from=b --chmod=1 a b --from=c\n",
		"FROM a\nLABEL a=b \\\n c=d\nENV X=\"FROM b\"\nRUN [\"a\", \"<<E\"]\nFROM c\n",
	}, seeds[0], seeds[4])
	for _, text := range texts {
		result, err := parser.Parse(strings.NewReader(text))
		if err != nil {
			t.Errorf("the builder cannot read %q: %v", text, err)
			continue
		}
		var want []string
		for _, node := range result.AST.Children {
			if node.Value == "from" && node.Next != nil {
				want = append(want, "FROM "+node.Next.Value)
			}
			for _, flag := range node.Flags {
				if name, ok := strings.CutPrefix(flag, "--from="); ok && node.Value == "copy" {
					want = append(want, "COPY --from "+name)
				}
			}
		}
		file, err := dockerfile.Parse([]byte(text), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, reference := range file.References {
			got = append(got, string(reference.Kind)+" "+reference.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-builder +ours):\n%s", text, diff)
		}
	}
}

package dockerfile_test

import (
	"fmt"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// seeds are Dockerfiles of all shapes.
var seeds = []string{
	"FROM a AS b\nRUN make\nFROM c\nCOPY --from=b /x /x\n",
	"# escape=`\nARG A=1\nFROM ${A:-x} `\n AS y\n",
	"FROM x\nRUN <<EOT\nFROM y\nEOT\nCOPY <<-\"E\" /f\n\tE\n",
	"FROM x\nRUN --mount=type=bind,from=nginx:latest,target=/n --mount=\"from=q\" true\n",
	"FROM registry.ci.openshift.org/ocp/4.19:base AS b\nFROM quay-proxy.ci.openshift.org/openshift/ci:ocp_4.19_base\n",
	"\xef\xbb\xbffrom \"a\\\n# c\nb\" as c\r\n",
	"FROM a\nCOPY --from='b\" --from=\n",
}

// FuzzParse reads a Dockerfile, replaces nothing, which must not change a byte, and replaces everything, which must
// read back.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		file, err := dockerfile.Parse([]byte(text), map[string]string{"A": "b"})
		if err != nil {
			return
		}
		texts := make([]string, len(file.References))
		for i, reference := range file.References {
			texts[i] = reference.Text
		}
		same, err := file.Replace(texts)
		if err != nil || string(same.Text()) != text {
			t.Fatalf("replacing nothing changed %q (%v)", text, err)
		}
		for i := range texts {
			texts[i] = fmt.Sprintf("example.com/image:%d", i)
		}
		again, err := file.Replace(texts)
		if err != nil {
			t.Fatalf("%q, with other references: %v", text, err)
		}
		replaced := again.Text()
		if len(again.References) != len(texts) || again.Stages != file.Stages {
			t.Fatalf("%q became %q: %d references, not %d", text, replaced, len(again.References), len(texts))
		}
		for i, reference := range again.References {
			if reference.Text != texts[i] || reference.Kind != file.References[i].Kind ||
				reference.Stage != file.References[i].Stage {
				t.Fatalf("%q became %q: reference %d is %+v, want %q", text, replaced, i, reference, texts[i])
			}
		}
	})
}

// FuzzDetect must find the same references however the Dockerfile ends.
func FuzzDetect(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, from bool) {
		fuzzing.Case(t)
		found := dockerfile.Detect([]byte(text), from)
		if again := dockerfile.Detect([]byte(text+"\n"), from); fmt.Sprint(found) != fmt.Sprint(again) {
			t.Fatalf("%q: %q, with a newline %q", text, found, again)
		}
		seen := map[string]bool{}
		for _, one := range found {
			if seen[one] {
				t.Fatalf("%q: %q twice", text, one)
			}
			seen[one] = true
		}
	})
}

// FuzzCheckpoints resumes at every checkpoint of a Dockerfile, which must have the same stages then, and go on where
// the checkpoint ends.
func FuzzCheckpoints(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Add("FROM a AS b\nARG X\nRUN one\nCOPY go.mod .\nRUN <<E\nx\nE\nCOPY . .\nRUN make\nFROM c\nRUN two\nCOPY --from=b /x /x\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		file, err := dockerfile.Parse([]byte(text), nil)
		if err != nil {
			return
		}
		checkpoints := file.Checkpoints()
		for _, tree := range file.Trees() {
			checkpoints = append(checkpoints, tree.Changed("changed"))
		}
		for _, c := range checkpoints {
			if part, err := dockerfile.Parse(c.Text(), nil); err != nil || part.Stages != 1 {
				t.Fatalf("%q: the text of a checkpoint, %q, is no stage: %v", text, c.Text(), err)
			}
			resumed := file.Resume(map[int]dockerfile.Checkpoint{c.Stage: c}, map[int]string{c.Stage: "image"})
			again, err := dockerfile.Parse(resumed, nil)
			if err != nil || again.Stages != file.Stages {
				t.Fatalf("%q became %q: %v", text, resumed, err)
			}
		}
	})
}

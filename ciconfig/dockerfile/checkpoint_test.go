package dockerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
)

const pinned = "example.com/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// TestCheckpoints says for each Dockerfile at which lines its checkpoints end, and on which sources they depend.
func TestCheckpoints(t *testing.T) {
	tests := []struct {
		description string
		text        string
		want        []string
	}{
		{"nothing before everything", "FROM a AS b\nCOPY . .\nRUN make\nFROM c\nCOPY --from=b /x /x\n", nil},
		{"up to everything",
			"FROM a AS b\nENV X=1\nRUN one\nRUN two\nWORKDIR /x\nCOPY . .\nRUN make\nFROM c\nCOPY --from=b /x /x\n",
			[]string{"stage 0: RUN one|RUN two|WORKDIR /x"}},
		{"every way to write everything",
			"FROM a AS b\nRUN one\nCOPY ./ /src\nFROM a\nRUN two\nADD * /src\nFROM a\nRUN three\nCOPY --chown=1:1 x / /src/\nFROM c\n",
			[]string{"stage 0: RUN one", "stage 1: RUN two", "stage 2: RUN three"}},
		{"files", "FROM a AS b\nCOPY go.mod go.sum /src/\nRUN download\nADD --chmod=755 hack/*.sh /bin/\nRUN more\nCOPY . .\nRUN make\nFROM c\nCOPY --from=b /x /x\n",
			[]string{"stage 0: COPY go.mod go.sum /src/|RUN download [go.mod go.sum]",
				"stage 0: ADD --chmod=755 hack/*.sh /bin/|RUN more [go.mod go.sum hack/*.sh]"}},
		{"a whole stage, and one that is built on it",
			"FROM a AS b\nRUN one\nFROM b AS c\nRUN two\nFROM d\nCOPY --from=c /x /x\n",
			[]string{"stage 0: RUN one"}},
		{"the image itself", "FROM a AS b\nCOPY . .\nFROM c\nRUN install\nCOPY --from=b /x /x\n",
			[]string{"stage 1: RUN install"}},
		{"the image itself without a last step of its own", "FROM c\nRUN one\nRUN two\n", []string{"stage 0: RUN one"}},
		{"one step", "FROM c\nRUN one\n", nil},
		{"an argument in the image itself", "FROM c\nRUN one\nARG X\nRUN two\nLABEL a=b\n",
			[]string{"stage 0: RUN one"}},
		{"an image of several stages", "FROM a AS b\nRUN one\nRUN two\nFROM b\nRUN three\nCOPY . .\n", nil},
		{"arguments", "FROM a AS b\nARG X=1\nRUN one\nARG Y=$X\nRUN two\nCOPY . .\nFROM c\n",
			[]string{"stage 0: ARG X=1|RUN one"}},
		{"a copy of a pinned image", "FROM a AS b\nCOPY --from=" + pinned +
			" /x /x\nRUN one\nCOPY --from=nginx /x /x\nRUN two\nFROM c\n",
			[]string{"stage 0: COPY --from=" + pinned + " /x /x|RUN one"}},
		{"a copy of another stage", "FROM a AS b\nFROM a AS c\nRUN one\nCOPY --from=b /x /x\nRUN two\nFROM d\n",
			[]string{"stage 1: RUN one"}},
		{"mounts and other files",
			"FROM a AS b\nRUN one\nRUN --mount=type=secret,id=x two\nFROM a AS c\nRUN three\nADD https://example.com/x /x\nRUN no\nFROM d\n",
			[]string{"stage 0: RUN one", "stage 1: RUN three"}},
		{"what is not looked into",
			"FROM a AS b\nRUN one\nCOPY [\"x\", \"/x\"]\nFROM a AS c\nRUN two\nCOPY $X /x\nFROM a AS d\nRUN three\nCOPY --link x /x\nFROM a AS e\nRUN four\nONBUILD RUN x\nFROM f\n",
			[]string{"stage 0: RUN one", "stage 1: RUN two", "stage 2: RUN three", "stage 3: RUN four"}},
		{"another platform, and scratch",
			"FROM --platform=linux/arm64 a AS b\nRUN one\nFROM scratch AS c\nRUN two\nFROM d\n", nil},
		{"a here-document", "FROM a AS b\nRUN <<EOF\nFROM x\nCOPY . .\nEOF\nCOPY . .\nFROM c\n",
			[]string{"stage 0: RUN <<EOF|FROM x|COPY . .|EOF"}},
		{"continued lines", "FROM a AS b\nRUN one \\\n  # why\n  two\n\nCOPY . .\nFROM c\n",
			[]string{"stage 0: RUN one \\|  # why|  two"}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			file, err := dockerfile.Parse([]byte(test.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			checkpoints := file.Checkpoints()
			var got []string
			for i, c := range checkpoints {
				text := c.Text()
				if i > 0 && checkpoints[i-1].Stage == c.Stage {
					text = c.TextAfter(checkpoints[i-1], "before")
				}
				_, steps, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
				line := fmt.Sprintf("stage %d: %s", c.Stage, strings.ReplaceAll(steps, "\n", "|"))
				line = strings.Replace(line, "ENV X=1|", "", 1)
				if len(c.Sources) > 0 {
					line += fmt.Sprint(" ", c.Sources)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("checkpoints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTrees says where a Dockerfile has the whole build context in a stage that is only copied from, and how it is
// resumed there.
func TestTrees(t *testing.T) {
	tests := []struct {
		description string
		text        string
		want        string
	}{
		{"everything", "FROM a AS b\nENV X=1\nWORKDIR /x\nCOPY . .\nRUN make\nFROM c\nCOPY --from=b /x /x\n",
			"FROM image AS b\nCOPY --from=changed . .\nRUN make\nFROM c\nCOPY --from=b /x /x\n"},
		{"arguments, steps and other files",
			"ARG G\nFROM a AS b\nARG X=1\nCOPY go.mod /x/\nRUN $X\nARG G\nCOPY ./ /x\nRUN make\nFROM c\n",
			"ARG G\nFROM image AS b\nARG X=1\nARG G\nCOPY --from=changed . /x\nRUN make\nFROM c\n"},
		{"the image itself", "FROM a\nCOPY . .\nRUN make\n", ""},
		{"as somebody", "FROM a AS b\nCOPY --chown=1 . .\nFROM c\n", ""},
		{"more than everything", "FROM a AS b\nCOPY . go.mod /x/\nFROM c\n", ""},
		{"everything by name", "FROM a AS b\nCOPY * /x/\nFROM c\n", ""},
		{"a target that is not known", "FROM a AS b\nCOPY . $X\nFROM c\n", ""},
		{"a list", "FROM a AS b\nCOPY [\".\", \"/x\"]\nFROM c\n", ""},
		{"ADD", "FROM a AS b\nADD . /x\nFROM c\n", ""},
		{"after what is not the same each time", "FROM a AS b\nCOPY --from=nginx /x /x\nCOPY . .\nFROM c\n", ""},
		{"on another stage", "FROM a AS b\nRUN x\nFROM b AS d\nCOPY . .\nFROM c\n", ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			file, err := dockerfile.Parse([]byte(test.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, tree := range file.Trees() {
				if before := string(tree.Before().Text()); !strings.HasPrefix(string(tree.Text()), before) ||
					strings.Contains(before, " . ") || strings.Contains(before, "./") {
					t.Errorf("before the tree is %q, with it %q", before, tree.Text())
				}
				got += string(file.Resume(map[int]dockerfile.Checkpoint{tree.Stage: tree.Changed("changed")},
					map[int]string{tree.Stage: "image"}))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("resumed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResume(t *testing.T) {
	text := "# escape=`\nARG G=1\nFROM a:$G AS b # c\nARG G\nARG X=2\nRUN one `\n  two\n# a comment\nCOPY . .\nRUN $X\nFROM c\nRUN install\nCOPY --from=b /x /x\n"
	file, err := dockerfile.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkpoints := file.Checkpoints()
	if len(checkpoints) != 2 {
		t.Fatalf("%d checkpoints, want 2", len(checkpoints))
	}
	if diff := cmp.Diff("# escape=`\nARG G=1\nFROM a:$G AS b # c\nARG G\nARG X=2\nRUN one `\n  two\n",
		string(checkpoints[0].Text())); diff != "" {
		t.Errorf("Text() (-want +got):\n%s", diff)
	}
	got := file.Resume(map[int]dockerfile.Checkpoint{0: checkpoints[0], 1: checkpoints[1]},
		map[int]string{0: "one", 1: "two"})
	want := "# escape=`\nARG G=1\nFROM one AS b\nARG G\nARG X=2\n# a comment\nCOPY . .\nRUN $X\nFROM two\nCOPY --from=b /x /x\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Resume() (-want +got):\n%s", diff)
	}
	if !checkpoints[1].Final || checkpoints[0].Final {
		t.Error("the second stage is the image, the first is not")
	}
}

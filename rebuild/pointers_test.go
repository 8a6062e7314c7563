package rebuild_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

func TestWarningOfPointers(t *testing.T) {
	p := newPlayground(t)
	tests := []struct {
		description string
		files       map[string]string
		want        string // part of the warning; "" = none
	}{
		{"none", map[string]string{"main.go": "x"}, ""},
		{"two", map[string]string{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": pointer,
			"b/c.bin": pointer,
			"d.bin":   "the file itself"}, "2 files"},
		{"fetched", map[string]string{".gitattributes": "*.bin filter=lfs\n", "a.bin": "the file itself",
			"large": pointer + strings.Repeat("x", 2000)}, ""},
		{"without attributes", map[string]string{"testdata/pointer": pointer}, ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			test.files["Dockerfile"] = p.dockerfile("FROM BASE\nCOPY . /src\n")
			o, events := p.options(t), &recorder{}
			o.Progress = events
			p.mustRun(t, o, target("one", source(t, test.files)))
			warnings := warningsOf(events)
			switch {
			case test.want == "" && len(warnings) > 0:
				t.Errorf("warns %q, want nothing", warnings[0].Message)
			case test.want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0].Message, test.want)):
				t.Errorf("warns %v, want once %q", warnings, test.want)
			}
		})
	}
}

func TestWarningOfSubmodules(t *testing.T) {
	p := newPlayground(t)
	o, events := p.options(t), &recorder{}
	o.Progress = events
	o.Sources = ignoring{empty: []string{"vendor/a", "b\x1b[2J"}}
	p.mustRun(t, o, target("one", source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY . /src\n")})))
	if warnings := warningsOf(events); len(warnings) != 1 ||
		!strings.HasPrefix(warnings[0].Message, `submodules are not checked out: ["vendor/a" "b\x1b[2J"]`) {
		t.Errorf("warns %v", warnings)
	}
}

// warningsOf lists what was said about sources.
func warningsOf(r *recorder) []progress.Event {
	return slices.DeleteFunc(r.events,
		func(e progress.Event) bool { return e.State != progress.Warned || e.Stage != progress.Fetch })
}

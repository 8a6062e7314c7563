package dockerfile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
)

func TestWithEnvironment(t *testing.T) {
	commit := dockerfile.Variable{Name: "SOURCE_GIT_COMMIT", Value: "0123abc"}
	tests := []struct {
		description, input, want string
		variables                func(int) []dockerfile.Variable
		fails                    bool
	}{
		{
			description: "every stage, heredocs and comments untouched",
			input:       "# FROM nothing\nFROM a AS b\nRUN <<EOT\nFROM inside\nEOT\nfrom \\\n  c\nCOPY --from=b / /\n",
			want:        "# FROM nothing\nFROM a AS b\nENV SOURCE_GIT_COMMIT=\"0123abc\"\nRUN <<EOT\nFROM inside\nEOT\nfrom \\\n  c\nENV SOURCE_GIT_COMMIT=\"0123abc\"\nCOPY --from=b / /\n",
			variables:   func(int) []dockerfile.Variable { return []dockerfile.Variable{commit} },
		},
		{
			description: "one stage, no newline at the end",
			input:       "FROM a\nFROM b",
			want:        "FROM a\nFROM b\nENV SOURCE_GIT_COMMIT=\"0123abc\"\n",
			variables: func(stage int) []dockerfile.Variable {
				return map[int][]dockerfile.Variable{1: {commit}}[stage]
			},
		},
		{
			description: "a value that would need quoting is refused",
			input:       "FROM a\n",
			variables:   func(int) []dockerfile.Variable { return []dockerfile.Variable{{Name: "A", Value: "x\"\nRUN evil"}} },
			fails:       true,
		},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			file, err := dockerfile.Parse([]byte(test.input), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := file.WithEnvironment(test.variables)
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			if test.fails {
				return
			}
			if diff := cmp.Diff(test.want, string(got.Text())); diff != "" {
				t.Errorf("Dockerfile (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFinalStages(t *testing.T) {
	file, err := dockerfile.Parse([]byte("FROM x AS base\nFROM y AS builder\nRUN true\nFROM base AS middle\nFROM middle\nCOPY --from=builder / /\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]bool{0: true, 2: true, 3: true}, file.FinalStages()); diff != "" {
		t.Errorf("FinalStages() (-want +got):\n%s", diff)
	}
}

func TestBringsModules(t *testing.T) {
	tests := []struct {
		stage string
		want  bool
	}{
		{"COPY . .\nRUN go build", false},
		{"COPY --from=modules /go/pkg/mod /go/pkg/mod\nRUN go build", true},
		{"ADD modules.tar \\\n  $GOPATH/pkg/mod/", true},
		{"RUN --mount=type=cache,target=/go/pkg/mod go build", false},
		{"RUN --mount=from=modules,source=/x,target=/go/pkg/mod,rw go build", true},
		{"RUN go build && rm -rf /go/pkg/mod", false},
	}
	for _, test := range tests {
		text := "FROM golang AS other\nCOPY a /go/pkg/mod/\nFROM golang AS modules\n" + test.stage + "\nFROM scratch\nCOPY a /go/pkg/mod/\n"
		file, err := dockerfile.Parse([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.BringsModules(1); got != test.want || !file.BringsModules(0) || !file.BringsModules(2) {
			t.Errorf("%q: %t, want %t", test.stage, got, test.want)
		}
	}
}

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

package dockerfile_test

import (
	"maps"
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
		{"COPY [\"modules\", \"/go/pkg/mod\"]", true},
		{"ADD modules.tar \\\n  $GOPATH/pkg/mod/", true},
		{"COPY modules $GOMODCACHE", true},
		{"COPY modules pkg/mod/", true},
		{"COPY [\"modules\",\"pkg/mod\"]", true},
		{"COPY --from=modules /go /go", true},
		{"COPY --from=modules ${GOPATH}/pkg /x", true},
		{"RUN --mount=from=modules,source=/root/go,target=/x go build", true},
		{"COPY /go/src /go/src\nCOPY ./go ./go\nCOPY /google /google", false},
		{"COPY pkg/models pkg/models\nCOPY pkg/module.go /go/src/", false},
		{"RUN --mount=type=cache,target=/go/pkg/mod go build", false},
		{"RUN --mount=from=modules,source=/x,target=/go/pkg/mod,rw go build", true},
		{"RUN go build && rm -rf /go/pkg/mod", false},
	}
	for _, test := range tests {
		file, err := dockerfile.Parse([]byte("FROM golang AS modules\nFROM golang\n"+test.stage+"\nFROM scratch\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.BringsModules(); got != test.want {
			t.Errorf("%q: %t, want %t", test.stage, got, test.want)
		}
	}
}

func TestMountsContext(t *testing.T) {
	for step, want := range map[string]bool{
		"COPY . .\nRUN go build":                                             false,
		"RUN --mount=type=bind,target=/src go build":                         true,
		"RUN --mount=target=. go build":                                      true,
		"RUN --mount=type=cache,target=/c --mount=target=/s make":            true,
		"RUN --mount=type=bind,from=modules,target=/m go build":              false,
		"RUN --mount=type=$KIND,from=modules,target=/m go build":             true,
		"RUN --mount=type=cache,target=/root/.cache go build":                false,
		"RUN --mount=type=secret,id=x --mount=type=tmpfs,target=/t go build": false,
		"RUN echo --mount=target=/src":                                       false,
	} {
		file, err := dockerfile.Parse([]byte("FROM golang AS modules\nFROM golang\nARG KIND\n"+step+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.MountsContext(); got != want {
			t.Errorf("%q: %t, want %t", step, got, want)
		}
	}
}

func TestUnprivileged(t *testing.T) {
	tests := []struct {
		text string
		user string // of the image of the first stage
		want map[int]bool
	}{
		{"FROM golang\nRUN go build\nUSER 1001", "", map[int]bool{}},
		{"FROM golang\nUSER 1001\nRUN go build", "", map[int]bool{0: true}},
		{"FROM golang\nRUN go build", "1001", map[int]bool{0: true}},
		{"FROM golang\nUSER root\nRUN go build\nUSER 1001", "1001", map[int]bool{}},
		{"FROM golang\nuser 0:0\nRUN go build", "default:root", map[int]bool{}},
		{"FROM golang\nUSER ${ID}\nRUN go build", "", map[int]bool{0: true}},
		{"FROM golang AS a\nUSER 1001\nFROM a AS b\nFROM golang\nRUN go build\nFROM b\nRUN go build", "", map[int]bool{0: true}},
	}
	for _, test := range tests {
		file, err := dockerfile.Parse([]byte(test.text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Unprivileged(map[int]string{0: test.user}); !maps.Equal(got, test.want) {
			t.Errorf("%q on an image of %q: %v, want %v", test.text, test.user, got, test.want)
		}
	}
}

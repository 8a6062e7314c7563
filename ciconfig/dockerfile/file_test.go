package dockerfile_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
)

// summary writes a reference down in one line.
func summary(r dockerfile.Reference) string {
	text := fmt.Sprintf("%d: %s %s stage %d", r.Line, r.Kind, r.Text, r.Stage)
	if r.Expanded != r.Text {
		text += " = " + r.Expanded
	}
	if r.Name != "" {
		text += " as " + r.Name
	}
	for word, set := range map[string]bool{" last": r.Last} {
		if set {
			text += word
		}
	}
	if r.Local {
		text += " local"
	}
	if r.Later {
		text += " later"
	}
	return text
}

func TestReferences(t *testing.T) {
	tests := []struct {
		description string
		text        string
		args        map[string]string
		want        []string
	}{
		{"two stages", "FROM a AS builder\nFROM b\nCOPY --from=builder /x /x\n", nil,
			[]string{"1: FROM a stage 0 as builder", "2: FROM b stage 1 last", "3: COPY --from builder stage 1 local"}},
		{"no newline at the end, and Windows line ends", "FROM a\r\nCOPY --from=b /x /x\r\nRUN x", nil,
			[]string{"1: FROM a stage 0 last", "2: COPY --from b stage 0"}},
		{"byte order mark", "\xef\xbb\xbfFROM a\n", nil, []string{"1: FROM a stage 0 last"}},
		{"flags in lower case and upper case commands",
			"from --platform=linux/amd64 a as x\ncopy --chown=1:1 --from=c . .\n", nil,
			[]string{"1: FROM a stage 0 as x last", "2: COPY --from c stage 0"}},
		{"continuation lines with comments and empty lines between",
			"FROM \\\n# a comment\n\n  a \\\n  AS \\\n  b\nRUN x \\\n  # FROM z\n  && y\nFROM b\n", nil,
			[]string{"4: FROM a stage 0 as b", "10: FROM b stage 1 last local"}},
		{"a name split over two lines", "FROM quay.io/a\\\n/b:c\n", nil,
			[]string{"1: FROM quay.io/a/b:c stage 0 last"}},
		{"here-documents hide instructions",
			"FROM a\nRUN <<EOT cat\nFROM b\nCOPY --from=c / /\nEOT\nRUN <<-\"X Y\" <<Z\nFROM d\n\tX Y\nFROM e\nZ\nCOPY <<EOF --from=q /f\nFROM f\nEOF\nFROM g\n", nil,
			[]string{"1: FROM a stage 0", "14: FROM g stage 1 last"}},
		{"shifts, here-strings and quotes are no here-documents",
			"FROM a\nRUN x <<< word && echo \"<<EOT\" $((1<<2))\nFROM b\n", nil,
			[]string{"1: FROM a stage 0", "3: FROM b stage 1 last"}},
		{"the escape directive", "# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN c:\\\nFROM `\n  b\n", nil,
			[]string{"3: FROM a stage 0", "6: FROM b stage 1 last"}},
		{"a late escape directive is a comment", "FROM a\n# escape=`\nRUN x \\\n  y\nFROM b\n", nil,
			[]string{"1: FROM a stage 0", "5: FROM b stage 1 last"}},
		{"mounts", "FROM a AS s\nRUN --network=none --mount=type=bind,from=img:1,target=/n --mount=type=cache,target=/c --mount=from=s,target=/s \"--mount=type=bind,from=q\" true --mount=from=no\n", nil,
			[]string{"1: FROM a stage 0 as s last", "2: RUN --mount img:1 stage 0", "2: RUN --mount s stage 0 local",
				"2: RUN --mount q stage 0"}},
		{"quotes around a value", "FROM a\nCOPY --from=\"b\" / /\nCOPY --from='c' / /\n", nil,
			[]string{"1: FROM a stage 0 last", "2: COPY --from b stage 0", "3: COPY --from c stage 0"}},
		{"stages by number", "FROM a AS x\nFROM b\nCOPY --from=0 / /\nCOPY --from=2 / /\nFROM 0\n", nil,
			[]string{"1: FROM a stage 0 as x", "2: FROM b stage 1", "3: COPY --from 0 stage 1 local",
				"4: COPY --from 2 stage 1 later", "5: FROM 0 stage 2 last"}},
		{"a stage that comes later", "FROM a\nCOPY --from=late / /\nFROM b AS late\n", nil,
			[]string{"1: FROM a stage 0", "2: COPY --from late stage 0 later", "3: FROM b stage 1 as late last"}},
		{"stages that name each other", "FROM b AS a\nFROM a AS b\n", nil,
			[]string{"1: FROM b stage 0 as a later", "2: FROM a stage 1 as b last local"}},
		{"a stage named like its image", "FROM golang AS golang\nFROM scratch\n", nil,
			[]string{"1: FROM golang stage 0 as golang", "2: FROM scratch stage 1 last local"}},
		{"arguments before FROM", "ARG A=quay.io/x B=y\nARG C=${A}:${D:-z}\nFROM ${C}\nFROM $B-${E}\nFROM \"$A\"\n",
			map[string]string{"B": "given"},
			[]string{"3: FROM ${C} stage 0 = quay.io/x:z", "4: FROM $B-${E} stage 1 = given-",
				"5: FROM \"$A\" stage 2 = quay.io/x last"}},
		{"arguments inside a stage",
			"ARG G=outer\nFROM a\nARG G\nARG L=inner\nENV V=v W=${L}w\nENV O old style\nCOPY --from=$G / /\nCOPY --from=${L}${V}${W} / /\nCOPY --from=${O:+yes} / /\nFROM b\nCOPY --from=x$L / /\n", nil,
			[]string{"2: FROM a stage 0", "7: COPY --from $G stage 0 = outer",
				"8: COPY --from ${L}${V}${W} stage 0 = innervinnerw", "9: COPY --from ${O:+yes} stage 0 = yes",
				"10: FROM b stage 1 last", "11: COPY --from x$L stage 1 = x"}},
		{"a dollar that begins no variable", "ARG A=1\nFROM a$-${}${A\nFROM \\$A\n", nil,
			[]string{"2: FROM a$-${}${A stage 0", "3: FROM \\$A stage 1 = $A last"}},
		{"ONBUILD and ADD are not touched", "FROM a\nONBUILD COPY --from=b / /\nADD --from=c / /\n", nil,
			[]string{"1: FROM a stage 0 last"}},
		{"COPY before any stage", "COPY --from=a / /\nFROM b\n", nil, []string{"2: FROM b stage 0 last"}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			file, err := dockerfile.Parse([]byte(test.text), test.args)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, reference := range file.References {
				got = append(got, summary(reference))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("references differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]string{
		"":                                 "no FROM",
		"# FROM a\n":                       "no FROM",
		"FROM\n":                           "line 1: FROM names no image",
		"FROM a\nFROM --x=y\n":             "line 2: FROM names no image",
		"FROM a\n\nRUN <<E\nx\n":           "line 3: the here-document \"E\" has no end",
		"FROM a\nCOPY --from=a\"b\n":       "line 2: the quotes in --from",
		"# escape=x\nFROM a\n":             "line 1: the escape directive",
		strings.Repeat("#", 2<<20):         "more than 1048576",
		strings.Repeat("FROM a\n", 10_000): "line 1001: more than 1000 stages",
	}
	for text, want := range tests {
		start := time.Now()
		_, err := dockerfile.Parse([]byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.20q…) = %v, want %q", text, err, want)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("Parse(%.20q…) took %v", text, took)
		}
	}
}

// TestReplaceKeepsTheRest changes every reference and compares all other bytes.
func TestReplaceKeepsTheRest(t *testing.T) {
	text := "# syntax=docker/dockerfile:1\n\nARG X=1 # no comment\n  from  --platform=a  \"x\"\tAS b # c\nRUN <<E  &&\\\n # c\n  y\n  FROM x\nE\nCOPY --chown=1 --from='q' \\\n  a b\nRUN --mount=type=bind,from=m,target=/m x\nFROM b\n"
	file, err := dockerfile.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := file.Replace([]string{"X1", "Q2", "M3", "B4"})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("\"x\"\t", "X1\t", "'q'", "Q2", "from=m,", "from=M3,", "FROM b\n",
		"FROM B4\n").Replace(text)
	if diff := cmp.Diff(want, string(got.Text())); diff != "" {
		t.Errorf("Replace (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "a b", "a\nRUN id", "a\x00", "a\u202eb", "a,target=/", "a\"", "a`", "a\\"} {
		if _, err := file.Replace([]string{bad, "q", "m", "b"}); err == nil ||
			!strings.Contains(err.Error(), "line 4") {
			t.Errorf("Replace with %q: %v, want an error that names line 4", bad, err)
		}
	}
	if _, err := file.Replace(nil); err == nil {
		t.Error("Replace takes too few texts")
	}
}

// TestSubstituteMounts is better than CI where it is asked to be.
func TestSubstituteMounts(t *testing.T) {
	file, err := dockerfile.Parse([]byte("FROM a AS s\nRUN --mount=type=bind,from=img,target=/n --mount=type=bind,from=s,target=/s true\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	as := map[string]string{"img": "R1", "s": "R2"}
	if diff := cmp.Diff([]string{"a", "img", "s"}, file.Substitute("", as, false)); diff != "" {
		t.Errorf("as CI does it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "R1", "s"}, file.Substitute("", as, true)); diff != "" {
		t.Errorf("with mounts (-want +got):\n%s", diff)
	}
}

func TestNotices(t *testing.T) {
	text := `FROM a
RUN --security=insecure --network=host --mount=type=secret,id=x --mount=type=cache,target=/c true
RUN --network=none --security=sandbox --mount=type=bind,from=b,target=/b true
ADD --chown=1 https://169.254.169.254/x \
  git@github.com:a/b.git#main:sub file /dst
ADD ["ftp://x/y", "/z"]
RUN curl https://example.com
COPY --chmod=2750 a /a
COPY --chmod=0755 b /b
ADD --chmod=u+s c /c
`
	file, err := dockerfile.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []dockerfile.Notice{
		{Line: 2, Text: "RUN --security=insecure"}, {Line: 2, Text: "RUN --network=host"},
		{Line: 2, Text: "RUN --mount=type=secret", Secret: true},
		{Line: 4, Text: "ADD https://169.254.169.254/x"}, {Line: 4, Text: "ADD git@github.com:a/b.git#main:sub"},
		{Line: 6, Text: "ADD ftp://x/y"},
		{Line: 8, Text: "COPY --chmod=2750 does not set the set-user-ID, set-group-ID and sticky bits here; RUN chmod does"},
		{Line: 10, Text: "ADD --chmod=u+s does not set the set-user-ID, set-group-ID and sticky bits here; RUN chmod does"},
	}
	if diff := cmp.Diff(want, file.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// TestTextForm writes a Dockerfile into JSON and reads it back, edits and build arguments included.
func TestTextForm(t *testing.T) {
	arguments := map[string]string{"BASE": "b"}
	file, err := dockerfile.Parse([]byte("ARG BASE=a\nFROM x AS b\nRUN one\nFROM $BASE\nCOPY --from=y / /\n"),
		arguments)
	if err != nil {
		t.Fatal(err)
	}
	if file, err = file.Replace([]string{"x:1", "$BASE", "y:2"}); err != nil {
		t.Fatal(err)
	}
	file, err = file.WithEnvironment(func(int) []dockerfile.Variable { return []dockerfile.Variable{{Name: "A", Value: "1"}} })
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(struct{ Read, Unread dockerfile.File }{Read: *file})
	if err != nil {
		t.Fatal(err)
	}
	var back struct{ Read, Unread dockerfile.File }
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !back.Unread.IsZero() || back.Read.IsZero() || !strings.Contains(string(data), `"Unread":""`) {
		t.Errorf("read back from %s: %+v", data, back)
	}
	again, err := back.Read.WithArguments(arguments)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(file, again) {
		t.Errorf("read back: %+v, want %+v", again, file)
	}
	if final := again.FinalStages(); !final[0] || !final[1] {
		t.Errorf("the stages of the image are %v: the build argument makes it two", final)
	}
	if err := json.Unmarshal([]byte(`{"Read": "RUN id"}`), &back); err == nil {
		t.Error("a text without FROM was read")
	}
}

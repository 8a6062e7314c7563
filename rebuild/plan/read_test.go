package plan_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const (
	sum    = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commit = "0123456789012345678901234567890123456789"
)

// small is a plan of a component, an image that it is built on, and an image that is swapped in.
const small = `{
  "apiVersion": "oc-rebuild/v1",
  "release": {"image": "q.io/r:1", "pullspec": "q.io/r@` + sum + `", "digest": "` + sum + `", "name": "4.12.0", "stream": {"namespace": "ocp", "name": "4.12"}},
  "components": [
    {"name": "one", "kind": "component", "image": "q.io/c@` + sum + `", "target": "q.io/me",
     "source": {"kind": "payload", "repository": "https://github.com/o/one", "commit": "` + commit + `", "ref": "main",
                "request": {"repository": "https://github.com/o/one", "commit": "` + commit + `", "spec": {"kind": "payload"}}},
     "recipe": {"contextDir": ".", "dockerfile": "Dockerfile", "buildArgs": [{"name": "A", "value": "1"}],
                "dockerfileText": "ARG A\nFROM payload:base AS b\nFROM q.io/x@` + sum + `\nCOPY --from=b / /\n",
                "contexts": [{"image": "src", "source": "/src/./.", "destination": ".", "checkout": "./."}]},
     "bases": [{"built": "base", "kind": "FROM", "line": 2}, {"pullspec": "q.io/x@` + sum + `", "kind": "FROM", "line": 3, "stage": 1, "final": true}],
     "labels": {"a": "b"}},
    {"name": "two", "kind": "component", "image": "q.io/c@` + sum + `", "target": "q.io/y@` + sum + `", "source": {"kind": "image"},
     "recipe": {"buildArgs": null, "dockerfileText": ""}, "bases": [], "labels": {}}
  ],
  "images": [
    {"name": "base", "kind": "base",
     "source": {"kind": "fork", "repository": "https://github.com/o/base", "commit": "` + commit + `", "ref": "main",
                "request": {"repository": "https://github.com/o/base", "spec": {"kind": "fork", "repository": "https://github.com/o/base", "ref": "main"}}},
     "recipe": {"contextDir": "sub", "dockerfile": "Dockerfile", "buildArgs": [], "dockerfileText": "FROM scratch\nCOPY . /\n"}, "bases": [], "labels": {}}
  ],
  "order": [["base", "two"], ["one"]]
}`

// TestLargeYAML refuses YAML that takes too much memory to read, and says what to do.
func TestLargeYAML(t *testing.T) {
	_, err := plan.Decode([]byte("a: " + strings.Repeat("x", 8<<20)))
	if fault.KindOf(err) != fault.Usage || fault.AdviceOf(err) != "`oc rebuild plan … -o json` writes JSON." {
		t.Errorf("error %v, advice %q", err, fault.AdviceOf(err))
	}
}

func TestRead(t *testing.T) {
	p, err := plan.Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Components) != 2 || p.Components[0].Recipe.File.Stages != 2 {
		t.Errorf("read %+v", p)
	}
	all := p.Pinned("q.io/there")
	if got := []string{all.Components[0].Target, all.Components[1].Target, all.Images[0].Target}; !slices.Equal(got,
		[]string{"q.io/there", p.Components[1].Target, ""}) {
		t.Errorf("images go to %q", got)
	}
	pinned := all.Images[0].Source.Request
	if pinned.Spec.Ref != commit || pinned.Branch != "main" || p.Images[0].Source.Request.Spec.Ref != "main" {
		t.Errorf("pinned is %+v", pinned)
	}
	for _, test := range []struct{ old, next, problem string }{
		{"oc-rebuild/v1", "oc-rebuild/v2", "apiVersion"},
		{`"pullspec": "q.io/r@` + sum, `"pullspec": "`, "release.pullspec"},
		{`"digest": "` + sum, `"digest": "x`, "release.digest"},
		{`"image": "q.io/r:1"`, `"image": "quay.io/openshift-release-dev/ocp-release:4.12.0"`, "release.image"},
		{`"image": "q.io/r:1"`, `"image": "q.io/r\u001b:1"`, "release.image"},
		{`"image": "q.io/r:1"`, `"image": "4.12.0"`, "release.image"},
		{`"pullspec": "q.io/r@`, `"pullspec": "docker://evil.io/r@`, "release.image"},
		{`"pullspec": "q.io/r@` + sum, `"pullspec": "oci:/evil`, "release.image"},
		{`"name": "two"`, `"name": "one"`, "twice"},
		{`"name": "two"`, `"name": "t\u001bwo"`, "not a name"},
		{`"kind": "base"`, `"kind": "component"`, "kind"},
		{`[["base", "two"], ["one"]]`, `[["one"], ["base", "two"]]`, `"base" does not come before`},
		{`[["base", "two"], ["one"]]`, `[["base"], ["one"]]`, "order: it has 2 of 3"},
		{`[["base", "two"], ["one"]]`, `[["base", "two"], ["other"]]`, `no "other"`},
		{`[["base", "two"], ["one"]]`, `[["base", "two", "two"], ["one"]]`, `"two" is there twice`},
		{`[["base", "two"], ["one"]]`, `[["base", "two"], ["one"], ["base"]]`, `"base" is there twice`},
		{`"name": "two"`, `"name": "a/two"`, "not that of a component"},
		{`"labels": {"a": "b"}`, `"labels": {}, "problem": "x", "exitCode": 256`, "exitCode: 256"},
		{`"labels": {"a": "b"}`, `"labels": {}, "problem": "x", "exitCode": -1`, "exitCode: -1"},
		{`"components": [`, `"components": [], "others": [`, "components: there are none"},
		{`"target": "q.io/y@` + sum, `"target": "q.io/y:latest`, "target"},
		{`"pullspec": "q.io/x@` + sum, `"pullspec": "q.io/x:latest`, "not by digest"},
		{`FROM q.io/x@` + sum, `FROM q.io/z@` + sum, "none of the bases"},
		{`FROM payload:base AS b`, `FROM payload:two AS b`, "none of the bases"},
		{`COPY --from=b / /`, `COPY --from=q.io/evil:1 / /`, "none of the bases"},
		{`ARG A\n`, `ARG A\n# syntax=x\nFROM $A\n`, "none of the bases"},
		{`"contextDir": "."`, `"contextDir": "../.."`, "recipe.contextDir"},
		{`"dockerfile": "Dockerfile", "buildArgs": [{`, `"dockerfile": "/etc/passwd", "buildArgs": [{`, ""},
		{`"destination": "."`, `"destination": "../x"`, "leads out"},
		{`"checkout": "./."`, `"checkout": "../x/."`, "leads out"},
		{`"checkout": "./."`, `"checkout": ""`, `files have no image "src"`},
		{`"commit": "` + commit, `"commit": "main`, "source.commit"},
		{`"spec": {"kind": "payload"}`, `"spec": {"kind": "payload"}, "patches": ["/p"]`, `source.patches: 0`},
		{`"spec": {"kind": "payload"}}`,
			`"spec": {"kind": "payload"}, "patches": ["/p"]}, "patches": [{"name": "../p", "data": ""}]`,
			`"../p" is not the name of a file`},
		{`"spec": {"kind": "payload"}}`,
			`"spec": {"kind": "payload"}, "patches": ["/p"]}, "patches": [{"name": "p", "data": ""}]`,
			`source.digest: "" is not that of a source with patches`},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "payload"}}, "archive": "` + sum + `"`,
			"source.archive: only a local tree has one"},
		{`"spec": {"kind": "payload"}}`,
			`"spec": {"kind": "local", "path": "/home/me"}}, "kind": "payload", "archive": "` + sum +
				`"`, "source.kind"},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "local", "path": "/home/me"}}, "kind": "local"`, "/home/me"},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "local"}}, "kind": "local", "archive": "sha256:../x"`,
			"source.archive"},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "local"}}, "kind": "local", "dirty": true, "archive": "` +
			sum + `"`, "source.digest"},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "local"}}, "kind": "local", "digest": "x", "archive": "` +
			sum + `"`, "source.digest"},
		{`"spec": {"kind": "payload"}}`, `"spec": {"kind": "local"}}, "kind": "local", "commit": "main", "archive": "` +
			sum + `"`, "source.commit"},
		{`"labels": {"a": "b"}`, `"labels": {}, "os": {"base": {}, "changes": {}}`, "files of the machine"},
		{`"labels": {"a": "b"}`, `"labels": {}, "problem": "it is gone", "exitCode": 3`, "it is gone"},
		{`"dockerfileText": "FROM scratch`, `"dockerfileText": "RUN x`, "no FROM"},
		{`"repository": "https://github.com/o/base", "ref": "main"}`,
			`"repository": "file:///home/me/secret", "ref": "main"}`, "on the machine"},
		{`"repository": "https://github.com/o/base", "ref": "main"}`,
			`"repository": "http://127.0.0.1:8080/x", "ref": "main"}`, "on the machine"},
		{`"repository": "https://github.com/o/base", "ref": "main"}`, `"repository": "ext::sh -c id", "ref": "main"}`,
			"source.request.spec.repository"},
		{`"repository": "https://github.com/o/base", "ref": "main"}`,
			`"repository": "https://169.254.169.254/x", "ref": "main"}`, "on the machine"},
		{`"name": "two"`, `"name": "--insecure"`, "not a name"},
		{`"name": "two"`, `"name": "other: push done: y"`, "not a name"},
		{`"name": "two"`, `"name": "../../two"`, "not a name"},
		{`"name": "two"`, `"name": "/etc"`, "not a name"},
		{`"name": "two"`, `"name": "$(params.flags[*])"`, "not a name"},
		{`"bases": [{"built"`, `"bases": [{"pullspec": "q.io/x@` + sum + `", "kind": "FROM"}, {"built"`, "in stage 0"},
		{`"line": 3, "stage": 1, "final": true`, `"line": 3, "stage": 1`, "in stage 1"},
		{`"line": 3, "stage": 1, "final": true`, `"line": 3, "stage": 0, "final": true`, "in stage 0"},
		{`"labels": {"a": "b"}`,
			`"labels": {}, "os": {"base": {}, "changes": {}}, "source": {"kind": "os-image", "archive": "` + sum +
				`", "commit": "` + commit + `"}`, "has no commit"},
		{`"labels": {"a": "b"}`,
			`"labels": {}, "os": {"base": {}, "changes": {}}, "source": {"kind": "payload", "archive": "` + sum +
				`"}`, "has no commit"},
		{small, `hello`, "reading the plan"},
		{small, `[]`, "reading the plan"},
	} {
		text := strings.Replace(small, test.old, test.next, 1)
		if text == small {
			t.Fatalf("%q is not in the plan", test.old)
		}
		got, err := plan.Read([]byte(text))
		switch {
		case test.problem == "" && err == nil: // stays inside, since it is joined to the context
			continue
		case err == nil || !strings.Contains(err.Error(), test.problem):
			t.Errorf("with %s the plan is %+v, %v; want an error with %q", test.next, got, err, test.problem)
		case fault.KindOf(err) != fault.Usage && fault.KindOf(err) != fault.Unresolved:
			t.Errorf("with %s the class is %v", test.next, fault.KindOf(err))
		}
	}
}

// FuzzRead holds every plan that is accepted to what a build relies on: written and read again it is the same,
// everything that it builds on is by digest or its own, and it takes nothing from this machine.
func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(strings.ReplaceAll(small, "FROM q.io", "RUN --mount=type=bind,from=q.io/x,target=/x true\nFROM q.io")))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		p, err := plan.Read(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := plan.Read(text)
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("read again it is %+v, %v, not %+v", again, err, p)
		}
		for _, c := range p.All() {
			if c.Source.Request.Spec.Path != "" && !c.IsSwapped() && c.Source.Request.Spec.Kind == "local" ||
				len(c.Source.Request.Patches) > 0 && !c.IsSwapped() {
				t.Fatalf("%q takes something from this machine", c.Name)
			}
			for _, reference := range c.Recipe.File.References {
				if !c.IsSwapped() && !reference.Local && !strings.Contains(reference.Text, "@") &&
					!strings.HasPrefix(reference.Text, plan.PayloadScheme) && len(reference.Text) != 64 {
					t.Fatalf("%q is built on %q", c.Name, reference.Text)
				}
			}
		}
	})
}

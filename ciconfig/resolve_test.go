package ciconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// line writes a base down in one line.
func line(b ciconfig.Base) string {
	text := fmt.Sprintf("%d: %s %s", b.Line, b.Kind, b.Reference)
	if b.Alias != "" {
		text += " is " + b.Alias
	}
	switch {
	case !b.Image.IsZero():
		text += " = " + b.Image.String()
	case b.Sibling != "":
		text += " built"
	default:
		text += " = " + b.Pullspec
	}
	if b.Final {
		text += " final"
	}
	return text
}

func TestResolve(t *testing.T) {
	const registry = "registry.ci.openshift.org/ocp/"
	tests := []struct {
		description, image, dockerfile string
		want                           []string
	}{
		{"from and as", "operator", "FROM builder:1 AS b\nFROM whatever\nCOPY --from=b / /\n",
			[]string{"1: FROM builder:1 is golang = ocp/builder:rhel-9-golang-1.22-openshift-4.17",
				"2: FROM whatever is base = ocp/4.17:base-rhel9 final"}},
		{"from comes before as", "operator", "FROM builder:1\n",
			[]string{"1: FROM builder:1 is base = ocp/4.17:base-rhel9 final"}},
		{"an image from outside", "operator", "FROM x\nCOPY --from=outside-image / /\n",
			[]string{"1: FROM x is base = ocp/4.17:base-rhel9 final",
				"2: COPY --from outside-image is outside = quay.io/a/b:c"}},
		{"an as wins over what the text says", "operator",
			"FROM registry.ci.openshift.org/ocp/builder:old AS b\nFROM x\n",
			[]string{"1: FROM registry.ci.openshift.org/ocp/builder:old is golang = ocp/builder:rhel-9-golang-1.22-openshift-4.17",
				"2: FROM x is base = ocp/4.17:base-rhel9 final"}},
		{"detected, with and without an alias of that value", "operator",
			"FROM " + registry + "4.17:cli AS c\nFROM " + registry + "4.17:tools AS t\nFROM x\n",
			[]string{"1: FROM " + registry + "4.17:cli is cli = ocp/4.17:cli",
				"2: FROM " + registry + "4.17:tools is ocp_4.17_tools = ocp/4.17:tools",
				"3: FROM x is base = ocp/4.17:base-rhel9 final"}},
		{"two spellings of one image: CI keeps the last, the other is read from the text", "overridden",
			"FROM " + registry + "4.17:tools AS a\nFROM quay-proxy.ci.openshift.org/openshift/ci:ocp_4.17_tools\n",
			[]string{"1: FROM " + registry + "4.17:tools = ocp/4.17:tools",
				"2: FROM quay-proxy.ci.openshift.org/openshift/ci:ocp_4.17_tools is ocp_4.17_tools = ocp/4.17:tools final"}},
		{"an argument's default, which CI does not detect", "overridden",
			"ARG BASE=" + registry + "4.17:base\nFROM $BASE\n",
			[]string{"2: FROM $BASE = ocp/4.17:base final"}},
		{"an argument in the tag of an image of CI", "overridden",
			"ARG TAG=base\nFROM registry.ci.openshift.org/ocp/4.17:${TAG}\n",
			[]string{"2: FROM registry.ci.openshift.org/ocp/4.17:${TAG} = ocp/4.17:base final"}},
		{"a build argument of the config", "operator", "ARG TAGS\nFROM quay.io/x/y:$TAGS AS z\nFROM x\n",
			[]string{"2: FROM quay.io/x/y:$TAGS = quay.io/x/y:scos", "3: FROM x is base = ocp/4.17:base-rhel9 final"}},
		{"a sibling", "raw", "FROM tests AS t\nRUN --mount=type=bind,from=tests,target=/t true\nFROM x\n",
			[]string{"1: FROM tests is tests built", "2: RUN --mount tests is tests built",
				"3: FROM x is prepared built final"}},
		{"a mount of an earlier stage", "overridden",
			"FROM quay.io/a AS s\nRUN --mount=from=s,target=/t --mount=from=quay.io/m,target=/m true\n",
			[]string{"1: FROM quay.io/a = quay.io/a final", "2: RUN --mount quay.io/m = quay.io/m"}},
		{"the last stage is based on an earlier one", "overridden",
			"FROM quay.io/a AS one\nFROM quay.io/b AS two\nFROM one AS three\nFROM three\nCOPY --from=two / /\n",
			[]string{"1: FROM quay.io/a = quay.io/a final", "2: FROM quay.io/b = quay.io/b"}},
		{"from replaces a stage", "operator", "FROM quay.io/a AS one\nFROM one\n",
			[]string{"1: FROM quay.io/a = quay.io/a", "2: FROM one is base = ocp/4.17:base-rhel9 final"}},
		{"an as hijacks a stage's name", "alias", "FROM quay.io/a AS b\nFROM b\nCOPY --from=b / /\n",
			[]string{"1: FROM quay.io/a = quay.io/a", "2: FROM b is base = ocp/4.17:base final"}},
		{"scratch", "overridden", "FROM scratch\n", nil},
	}
	config := parse(t, everything+"")
	alias := parse(t,
		"base_images: {base: {namespace: ocp, name: '4.17', tag: base}}\nimages: [{to: alias, inputs: {base: {as: [b]}}}]\n")
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			from := config
			if test.image == "alias" {
				from = alias
			}
			recipe, err := from.Recipe(test.image)
			if err != nil {
				t.Fatal(err)
			}
			resolution, err := recipe.Resolve([]byte(test.dockerfile))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, base := range resolution.Bases {
				got = append(got, line(base))
				if base.Reason == "" {
					t.Errorf("%s: no reason", line(base))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("bases (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMissingArguments leaves out arguments that names of images are made of: another image can still be named in
// their place.
func TestMissingArguments(t *testing.T) {
	recipe, err := parse(t, everything).Recipe("overridden")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"ARG A\nFROM ${A}\n":                                    `line 2: "${A}" becomes ""`,
		"ARG A\nFROM quay.io/x/y:${A}\n":                        `"quay.io/x/y:${A}" becomes "quay.io/x/y:"`,
		"ARG A\nFROM registry.ci.openshift.org/ocp/4.17:${A}\n": `becomes "registry.ci.openshift.org/ocp/4.17:"`,
	} {
		resolution, err := recipe.Resolve([]byte(text))
		if err != nil || len(resolution.Bases) != 1 || resolution.Bases[0].Refused == nil ||
			!strings.Contains(resolution.Bases[0].Refused.Error(), want) {
			t.Errorf("Resolve(%q) = %+v, %v, want a base that is refused with %q", text, resolution, err, want)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := []struct{ image, dockerfile, want string }{
		{"overridden", "RUN x\n", "no FROM"},
		{"overridden", "FROM a\x1b[31m\n", `line 1: "a\x1b[31m" is not the name of an image`},
		{"overridden", "FROM a\u202eb\n", "not the name of an image"},
		{"overridden", "FROM registry.ci.openshift.org/ocp/4.17:a\u202eb\n", "line 1: "},
	}
	config := parse(t, everything)
	for _, test := range tests {
		recipe, err := config.Recipe(test.image)
		if err != nil {
			t.Fatal(err)
		}
		resolution, err := recipe.Resolve([]byte(test.dockerfile))
		if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), "config.yaml") {
			t.Errorf("Resolve(%q) = %+v, %v, want an error of class Unresolved with %q", test.dockerfile,
				resolution, err, test.want)
		}
		if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the error %q carries control characters", err)
		}
	}
}

func TestRewrite(t *testing.T) {
	recipe, err := parse(t, everything).Recipe("operator")
	if err != nil {
		t.Fatal(err)
	}
	text := "# a comment\nFROM builder:1 AS b\nRUN <<EOT\n  FROM builder:1\nEOT\nFROM whatever\nCOPY --from=b / /\nRUN --mount=from=outside-image,target=/x \\\n  # why\n  true\n"
	resolution, err := recipe.Resolve([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	pullspecs := map[string]string{"golang": "quay.io/go@sha256:1", "base": "quay.io/base@sha256:2"}
	got, err := resolution.Rewrite(func(b ciconfig.Base) string { return pullspecs[b.Alias] })
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("builder:1 AS", "quay.io/go@sha256:1 AS", "whatever",
		"quay.io/base@sha256:2").Replace(text)
	if diff := cmp.Diff(want, string(got.Text())); diff != "" {
		t.Errorf("Rewrite (-want +got):\n%s", diff)
	}
	got, err = resolution.Rewrite(func(b ciconfig.Base) string { return "x:" + b.Alias })
	if err != nil || !strings.Contains(string(got.Text()), "--mount=from=x:outside,target=/x") {
		t.Errorf("with mounts: %s, %v", got.Text(), err)
	}
	if _, err = resolution.Rewrite(func(ciconfig.Base) string { return "x\nRUN id" }); err == nil {
		t.Error("a pull spec may carry instructions")
	}
}

// TestRefusedSibling leaves it to the caller to name another image for one that only CI can make.
func TestRefusedSibling(t *testing.T) {
	recipe, err := parse(t, everything).Recipe("repository")
	if err != nil {
		t.Fatal(err)
	}
	resolution, err := recipe.Resolve([]byte("FROM x\n"))
	if err != nil {
		t.Fatal(err)
	}
	base := resolution.Bases[0]
	if base.Sibling != "with-repo" || fault.KindOf(base.Refused) != fault.Unresolved ||
		!strings.Contains(base.Refused.Error(), "needs RPMs that CI serves") {
		t.Errorf("base: %+v", base)
	}
}

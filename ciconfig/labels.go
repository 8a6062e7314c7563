package ciconfig

// Label is a label of an image.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Provenance says what an image was built from.
type Provenance struct {
	Repository string // https URL without .git, such as https://github.com/openshift/cluster-dns-operator
	Commit     string
	Ref        string // branch
	From       string // pipeline tag that replaced the last FROM, if one did
	FromDigest string // digest of the image that it stood for
}

// Labels returns the labels that CI sets on an image built after a merge, in a fixed order. All of them are there,
// empty where nothing is known, so that a build does not inherit the provenance of its base. "oc adm release new"
// makes a payload's annotations from the commit's id and ref and the source location.
func Labels(p Provenance) []Label {
	kind := ""
	if p.Commit != "" {
		kind = "git"
	}
	labels := []Label{
		{"io.openshift.build.commit.author", ""},
		{"io.openshift.build.commit.date", ""},
		{"io.openshift.build.commit.id", p.Commit},
		{"io.openshift.build.commit.message", ""},
		{"io.openshift.build.commit.ref", p.Ref},
		{"io.openshift.build.name", ""},
		{"io.openshift.build.namespace", ""},
		{"io.openshift.build.source-context-dir", ""},
		{"io.openshift.build.source-location", p.Repository},
		{"vcs-ref", p.Commit},
		{"vcs-type", kind},
		{"vcs-url", p.Repository},
	}
	if p.From != "" && p.FromDigest != "" {
		labels = append(labels, Label{FromLabel(p.From), p.FromDigest})
	}
	return labels
}

// fromLabel begins the name of the label that records the digest of the image that replaced the last FROM.
const fromLabel = "io.openshift.ci.from."

// FromLabel returns the name of that label for a pipeline tag. CI cuts it to 63 characters.
func FromLabel(tag string) string {
	const longest = 63
	name := fromLabel + tag
	return name[:min(len(name), longest)]
}

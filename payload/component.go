package payload

import (
	"fmt"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/near"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// Component is one image of a payload and where its source is. Commit, Ref and Source come from whoever built the
// image: they are empty unless they are of a form that is safe to hand to git, and Problem then says what was wrong.
type Component struct {
	Name         string `json:"name"`
	Image        string `json:"image"`                  // repository@digest
	Commit       string `json:"commit,omitempty"`       // 40 or 64 hexadecimal digits
	Ref          string `json:"ref,omitempty"`          // branch; empty in releases that ART builds
	Source       string `json:"source,omitempty"`       // URL of the repository, https or ssh
	Versions     string `json:"versions,omitempty"`     // such as kubernetes=1.25.4,kubectl=1.25.4
	DisplayNames string `json:"displayNames,omitempty"` // such as machine-os=CentOS Stream CoreOS
	// digest of the source tree, where that is not the commit's: something was not committed
	Change   string `json:"change,omitempty"`
	Patches  string `json:"patches,omitempty"`  // names of the patches that were applied to the commit, NAME[,NAME…]
	Override bool   `json:"override,omitempty"` // replaced by hand when the payload was assembled
	Problem  string `json:"problem,omitempty"`  // why Commit, Ref or Source is left empty although the payload has one
}

// Components lists the images of the payload in its order, which is by name.
func (r *Release) Components() []Component {
	var components []Component
	for _, tag := range r.References.Spec.Tags {
		if isImage(tag) {
			components = append(components, componentOf(tag))
		}
	}
	return components
}

// Component returns the component with a name. An unknown name is fault.Unresolved, with the names that are closest
// to it.
func (r *Release) Component(name string) (Component, error) {
	var names []string
	for _, component := range r.Components() {
		if component.Name == name {
			return component, nil
		}
		names = append(names, component.Name)
	}
	advice := "List all components with \"oc rebuild info " + r.Reference + "\"."
	if like := near.Names(name, names); len(like) > 0 {
		advice = "Did you mean " + strings.Join(like, ", ") + "? " + advice
	}
	return Component{}, fault.New(fault.Unresolved, advice, fmt.Errorf("release %s has no component %q", r.Name, name))
}

var (
	commitID = regexp.Delayed(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	branch   = regexp.Delayed(`^[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}$`)
)

func componentOf(tag imagev1.TagReference) Component {
	a := tag.Annotations
	c := Component{Name: tag.Name, Image: tag.From.Name, Override: a[annotationOverride] == "true",
		Change: plain.Line(a[annotationChange]), Patches: plain.Line(a[annotationPatches]),
		Versions: plain.Line(a[annotationVersions]), DisplayNames: plain.Line(a[annotationDisplayNames])}
	var problems []string
	if commit := a[annotationCommit]; commitID.MatchString(commit) {
		c.Commit = commit
	} else if commit != "" {
		problems = append(problems, fmt.Sprintf("commit %.80q is not 40 or 64 hexadecimal digits", commit))
	}
	if ref := a[annotationRef]; branch.MatchString(ref) && !strings.Contains(ref, "..") &&
		!strings.HasSuffix(ref, ".lock") {
		c.Ref = ref
	} else if ref != "" {
		problems = append(problems, fmt.Sprintf("%.80q is not the name of a branch", ref))
	}
	if source := a[annotationSource]; source != "" {
		var err error
		if c.Source, err = repositoryURL(source); err != nil {
			problems = append(problems, err.Error())
		}
	}
	c.Problem = strings.Join(problems, "; ")
	return c
}

// ChangeNote says in a few words that the source was not that of the commit; "" where it was.
func (c Component) ChangeNote() string {
	switch {
	case c.Change == "":
		return ""
	case c.Patches != "":
		return "with patches " + strings.ReplaceAll(c.Patches, ",", ", ") + ": tree " + c.Change
	}
	return "with changes that are not committed: tree " + c.Change
}

// repositoryURL returns the URL of a source repository, without a slash at its end, if git may be handed it.
func repositoryURL(s string) (string, error) {
	u, err := giturl.ParsePayload(s)
	if err == nil && u.User != "" && u.User != "git" {
		err = fmt.Errorf("git address %q has a user in it", u)
	}
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

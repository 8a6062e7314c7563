package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage/pkg/regexp"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Version is the version of the form that a plan is written in. Fields may be added to a version, never renamed or
// given another meaning.
const Version = "oc-rebuild/v1"

// MaxSize is the largest plan that is read, in bytes: that of 200 components has 2 MB.
const MaxSize = 64 << 20

// Read reads a plan that was written as JSON or YAML, and checks that it can be carried out on any machine. An error
// has the class fault.Usage where the text is no such plan, and names the field; fault.Unresolved where the plan
// takes something from the machine that it was made on.
func Read(data []byte) (*Plan, error) {
	p, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, p.Err()
}

// Decode reads a plan without a look at whether it can be carried out. An error has the class fault.Usage.
func Decode(data []byte) (*Plan, error) {
	if len(data) > MaxSize {
		return nil, fault.Errorf(fault.Usage, "the plan has %d bytes, more than %d", len(data), MaxSize)
	}
	text := data
	// YAML, which takes a hundred times as much memory to read
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		if len(data) > maxYAML {
			return nil, fault.New(fault.Usage, "`oc rebuild plan … -o json` writes JSON.",
				fmt.Errorf("the plan has %d bytes, more than %d of YAML", len(data), maxYAML))
		}
		var err error
		if text, err = yaml.YAMLToJSON(data); err != nil {
			return nil, fault.Errorf(fault.Usage, "reading the plan: %w", err)
		}
	}
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fault.Errorf(fault.Usage, "reading the plan: %w", err)
	}
	if p.APIVersion != Version {
		return nil, fault.Errorf(fault.Usage, "the plan's apiVersion is %q: this program reads %s",
			p.APIVersion, Version)
	}
	return &p, nil
}

// maxYAML is the largest plan that is read as YAML, in bytes: one of a whole payload has 2 MB.
const maxYAML = 8 << 20

// checker goes through a plan.
type checker struct {
	units map[string]*Component
	ready map[string]bool // units whose turn comes earlier
	// units whose turn comes earlier, or at the same time
	placed map[string]bool
}

// check refuses a plan that no planner writes.
func (p *Plan) check() error {
	if _, err := registry.ParseReference(p.Release.PullSpec); err != nil {
		return fault.Errorf(fault.Usage, "release.pullspec: %w", err)
	}
	if err := p.Release.checkImage(); err != nil {
		return err
	}
	if p.Platform != "" {
		if _, err := registry.ParsePlatform(p.Platform); err != nil {
			return fault.Errorf(fault.Usage, "platform: %w", err)
		}
	}
	if err := p.Release.Digest.Validate(); err != nil {
		return fault.Errorf(fault.Usage, "release.digest %q: %w", p.Release.Digest, err)
	}
	c := checker{units: map[string]*Component{}, ready: map[string]bool{}, placed: map[string]bool{}}
	if len(p.Components) == 0 {
		return fault.Errorf(fault.Usage, "components: there are none: nothing is to be done")
	}
	for _, list := range []struct {
		field string
		units []Component
	}{{"components", p.Components}, {"images", p.Images}} {
		for i := range list.units {
			unit := &list.units[i]
			if err := c.add(unit, list.field == "components"); err != nil {
				return fmt.Errorf("%s[%d]: %w", list.field, i, err)
			}
		}
	}
	for i, group := range p.Order {
		for _, name := range group {
			unit, ok := c.units[name]
			if !ok {
				return fault.Errorf(fault.Usage, "order[%d]: there is no %q", i, name)
			}
			if c.placed[name] {
				return fault.Errorf(fault.Usage, "order[%d]: %q is there twice", i, name)
			}
			if err := c.unit(unit); err != nil {
				return fmt.Errorf("%s %q: %w", unit.Noun(), plain.Line(name), err)
			}
			c.placed[name] = true
		}
		for _, name := range group {
			c.ready[name] = true
		}
	}
	if len(c.ready) != len(c.units) {
		return fault.Errorf(fault.Usage, "order: it has %d of %d components and images", len(c.ready), len(c.units))
	}
	return nil
}

// checkImage refuses a name of the payload that is not the name of what is taken: the new payload says where it is
// from.
func (r Release) checkImage() error {
	if plain.Line(r.Image) != r.Image {
		return fault.Errorf(fault.Usage, "release.image: %q has control characters", r.Image)
	}
	const transport = "docker://" // which a user may write before a pull spec
	named, err := registry.ParsePullSpec(strings.TrimPrefix(r.Image, transport))
	taken, takenErr := registry.ParsePullSpec(strings.TrimPrefix(r.PullSpec, transport))
	inRegistry, isNamed := takenErr == nil, err == nil // else it is a file of this machine, or no name of an image
	if r.Image != "" && (inRegistry != isNamed || inRegistry && named.Name() != taken.Name()) {
		return fault.Errorf(fault.Usage, "release.image: %q is not in the repository of release.pullspec, %q",
			r.Image, r.PullSpec)
	}
	return nil
}

// unitName is what components and images are called by: tags and pull specs of image streams, and names of a config's
// images.
var unitName = regexp.Delayed(`^[A-Za-z0-9_][A-Za-z0-9_./:@+-]*$`)

// componentName is that of a tag in a payload's image stream, which no registry takes where it is longer.
var componentName = regexp.Delayed(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func (c *checker) add(unit *Component, replaces bool) error {
	switch {
	case !unitName.MatchString(unit.Name) || slices.Contains(strings.Split(unit.Name, "/"), ".."):
		return fault.Errorf(fault.Usage, "name %q is not a name", unit.Name)
	case c.units[unit.Name] != nil:
		return fault.Errorf(fault.Usage, "name %q is there twice", unit.Name)
	case unit.Replaces() != replaces:
		return fault.Errorf(fault.Usage, "kind %q does not belong there", unit.Kind)
	case replaces && !componentName.MatchString(unit.Name):
		return fault.Errorf(fault.Usage, "name %q is not that of a component", unit.Name)
	case unit.Class < 0 || unit.Class > fault.Publish: // it may become the program's own
		return fault.Errorf(fault.Usage, "exitCode: %d is none that a plan has", unit.Class)
	}
	c.units[unit.Name], unit.Given = unit, true
	return nil
}

// unit checks one component or image whose turn it is.
func (c *checker) unit(unit *Component) error {
	if unit.IsSwapped() {
		return byDigest("target", unit.Target)
	}
	if err := unit.checkSource(); err != nil {
		return err
	}
	if err := unit.Recipe.checkPaths(); err != nil {
		return err
	}
	if unit.Recipe.File.IsZero() {
		return fault.Errorf(fault.Usage, "recipe.dockerfileText: there is none: was it planned with --all?")
	}
	var known []string // how the Dockerfile says the bases, in their order
	for i, base := range unit.Wants() {
		text, err := c.base(base)
		if err != nil {
			return fmt.Errorf("base %d: %w", i, err)
		}
		known = append(known, text)
	}
	for _, reference := range unit.Recipe.File.References {
		if !reference.Local && !slices.Contains(known, reference.Text) {
			return fault.Errorf(fault.Usage, "recipe.dockerfileText, line %d: %q is none of the bases",
				reference.Line, reference.Text)
		}
	}
	for i, base := range unit.Bases {
		if !slices.ContainsFunc(unit.Recipe.File.References, func(r dockerfile.Reference) bool {
			return !r.Local && r.Text == known[i] && r.Stage == base.Stage && r.Kind == base.Kind &&
				base.Final == (r.Kind == dockerfile.From && r.Last)
		}) {
			return fault.Errorf(fault.Usage, "base %d: the Dockerfile does not name %q as a %s in stage %d", i,
				known[i], base.Kind, base.Stage)
		}
	}
	for _, piece := range unit.Recipe.Contexts {
		if _, ok := unit.File(piece.Image); piece.Checkout == "" && !ok {
			return fault.Errorf(fault.Usage, "recipe.contexts: files have no image %q", piece.Image)
		}
	}
	return nil
}

// base checks what stands for a base, and returns how the Dockerfile says it.
func (c *checker) base(base Base) (string, error) {
	if base.Built != "" {
		if !c.ready[base.Built] {
			return "", fault.Errorf(fault.Usage, "built: %q does not come before", base.Built)
		}
		return PayloadScheme + base.Built, nil
	}
	if err := byDigest("pullspec", base.PullSpec); err != nil {
		return "", err
	}
	if base.Peel == nil {
		return base.PullSpec, nil
	}
	if base.Peel.Layers < 1 || !json.Valid(base.Peel.Config) {
		return "", fault.Errorf(fault.Usage, "peel: %d layers with a config of %d bytes", base.Peel.Layers,
			len(base.Peel.Config))
	}
	return base.Peel.ID(), nil
}

// byDigest refuses a pull spec that may mean another image tomorrow.
func byDigest(field, pullSpec string) error {
	if _, err := registry.ParsePullSpec(pullSpec); err != nil {
		return fault.Errorf(fault.Usage, "%s: %w", field, err)
	}
	if _, sum := registry.SplitDigest(pullSpec); sum == "" {
		return fault.Errorf(fault.Usage, "%s: %q is not by digest", field, pullSpec)
	}
	return nil
}

// checkSource refuses what another machine does not have.
func (c *Component) checkSource() error {
	s, advice := c.Source, "Push the change, and plan it as COMPONENT=URL@BRANCH; or run `oc rebuild` here."
	isLocal := s.Request.Spec.Kind == gitsrc.Local
	switch {
	case c.OS != nil && s.Archive == "":
		return fault.New(fault.Unresolved, "`oc rebuild plan --push` takes them along; or run `oc rebuild` here.",
			errors.New("its changes are files of the machine that the plan was made on"))
	case c.OS != nil:
		return c.checkChanges()
	case isLocal != (s.Kind == string(gitsrc.Local)):
		return fault.Errorf(fault.Usage, "source.kind: %q, and source.request.spec.kind is %q", s.Kind,
			s.Request.Spec.Kind)
	case isLocal && s.Archive == "":
		return fault.New(fault.Unresolved,
			"`oc rebuild plan --push` takes the directory along; or push the change, and plan it as COMPONENT=URL@BRANCH.",
			fmt.Errorf("its source is the directory %q of the machine that the plan was made on", s.Request.Spec.Path))
	case isLocal:
		return s.checkArchive()
	case s.Archive != "":
		return fault.Errorf(fault.Usage, "source.archive: only a local tree has one")
	case len(s.Request.Patches) != len(s.Patches):
		return fault.Errorf(fault.Usage, "source.patches: %d, and source.request.patches names %d", len(s.Patches),
			len(s.Request.Patches))
	case len(s.Patches) > 0:
		if err := s.checkPatches(); err != nil {
			return err
		}
	case s.Dirty:
		return fault.Errorf(fault.Usage, "source.dirty: only local trees are")
	}
	if err := gitsrc.CheckCommit(s.Commit); err != nil {
		return fault.Errorf(fault.Usage, "source.commit: %w", err)
	}
	if s.Request.Spec.Kind == gitsrc.Merge && len(s.Merged) < 2 {
		return fault.Errorf(fault.Usage, "source.merged: names %d commits, a merge has two at least", len(s.Merged))
	}
	for _, commit := range s.Merged {
		if err := gitsrc.CheckCommit(commit); err != nil {
			return fault.Errorf(fault.Usage, "source.merged: %w", err)
		}
	}
	if s.Request.Spec.Kind != gitsrc.Fork {
		return nil
	}
	if _, err := giturl.Parse(s.Request.Spec.Repository); err != nil {
		return fault.Errorf(fault.Usage, "source.request.spec.repository: %w", err)
	}
	if _, err := giturl.ParsePayload(s.Request.Spec.Repository); err != nil {
		return fault.New(fault.Unresolved, advice,
			fmt.Errorf("its source %q is on the machine that the plan was made on: %w", s.Request.Spec.Repository, err))
	}
	return nil
}

// checkChanges refuses changes of an operating system image that are not in the archive which comes with the plan.
func (c *Component) checkChanges() error {
	s := c.Source
	if err := s.Archive.Validate(); err != nil {
		return fault.Errorf(fault.Usage, "source.archive %q: %w", s.Archive, err)
	}
	if s.Kind != SourceOSImage || s.Commit != "" || s.Digest != "" || s.Request.Spec.Kind == gitsrc.Local ||
		len(s.Patches) > 0 {
		return fault.Errorf(fault.Usage,
			"source: that of changes to an operating system image has no commit, digest or patches")
	}
	_, err := c.OS.Changes.Place(func(name, path string) (string, error) {
		if path != name || !fs.ValidPath(name) {
			return "", fault.Errorf(fault.Usage, "os.changes: %q is not where the plan has %q", path, name)
		}
		return path, nil
	})
	return err
}

// checkArchive refuses a working tree that comes with the plan and cannot be told from another one.
func (s *Source) checkArchive() error {
	if err := s.Archive.Validate(); err != nil {
		return fault.Errorf(fault.Usage, "source.archive %q: %w", s.Archive, err)
	}
	if _, err := digest.Parse("sha256:" + s.Digest); err != nil && (s.Dirty || s.Digest != "") {
		return fault.Errorf(fault.Usage, "source.digest: %q is not that of a local tree", s.Digest)
	}
	if s.Commit == "" && s.Dirty { // of no commit at all
		return nil
	}
	if err := gitsrc.CheckCommit(s.Commit); err != nil {
		return fault.Errorf(fault.Usage, "source.commit: %w", err)
	}
	return nil
}

// checkPatches refuses names that lead out of a directory, and patched source that the plan does not say the digest of.
func (s *Source) checkPatches() error {
	for i, patch := range s.Patches {
		if !fs.ValidPath(patch.Name) || path.Base(patch.Name) != patch.Name || patch.Name == "." ||
			plain.Line(patch.Name) != patch.Name {
			return fault.Errorf(fault.Usage, "source.patches[%d].name: %q is not the name of a file", i, patch.Name)
		}
	}
	if _, err := digest.Parse("sha256:" + s.Digest); err != nil || !s.Dirty {
		return fault.Errorf(fault.Usage, "source.digest: %q is not that of a source with patches", s.Digest)
	}
	return nil
}

// checkPaths refuses paths that lead out of where they belong.
func (r *Recipe) checkPaths() error {
	for _, one := range [][2]string{{"contextDir", path.Join(".", r.ContextDir)},
		{"dockerfile", path.Join(".", r.ContextDir, r.Dockerfile)}} {
		if !fs.ValidPath(one[1]) {
			return fault.Errorf(fault.Usage, "recipe.%s: %q leads out of the source", one[0], one[1])
		}
	}
	for _, piece := range r.Contexts {
		checkout := strings.TrimSuffix(piece.Checkout, "/.")
		if !fs.ValidPath(path.Clean(piece.Destination)) || piece.Checkout != "" && !fs.ValidPath(path.Clean(checkout)) {
			return fault.Errorf(fault.Usage,
				"recipe.contexts: %q to %q leads out of the source or the build context", piece.Checkout,
				piece.Destination)
		}
	}
	return nil
}

// Pinned returns the plan with requests for exactly the commits that were planned, whatever their branches have become
// since, and with images that go to a repository.
func (p *Plan) Pinned(repository string) *Plan {
	pinned, units := p.Copy()
	for _, c := range units {
		c.Source.Request = c.Source.Request.Pin(c.Source.Tree())
		if c.Replaces() && !c.IsSwapped() {
			c.Target = repository
		}
	}
	return pinned
}

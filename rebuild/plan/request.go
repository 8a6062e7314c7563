package plan

import (
	"fmt"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
)

// Request is what the user asked for.
type Request struct {
	Release      string   // --from-release: pull spec of the payload to start from, or a reference with a transport
	To           string   // --to-image: where the new payload goes; may be empty for a plan
	ToRepository string   // --to-repository: where component images go; "" = the repository of To
	Name         string   // --name: the new payload's name, or NameAuto; "" = the old one
	Targets      []Target // the components, in the order given
	All          bool     // plan every component, from the configs alone; Targets is ignored
	Dependents   bool     // --with-dependents: add the components that are built on those named
	BaseImages   []string // --base-image: REFERENCE=PULLSPEC, for every component
	BaseImageMap string   // --base-image-map: file of such lines
	BasePolicy   string   // PolicyAuto or PolicyCI; "" = PolicyAuto
	Recipe       string   // RecipeBuildData = what the build data say; "" = what the ci-operator config says
}

// Target is one component to replace, and what to replace it with.
type Target struct {
	Name       string          // the payload tag
	Source     string          // SOURCE as gitsrc.Parse reads it; "" = the commit that the payload records
	Patches    []string        // patch files, applied in order
	Image      string          // pull spec of an image that exists already: swapped in, nothing is built
	Config     string          // --config: a ci-operator config file to take instead of the one found
	Item       string          // --config-image: the image in that config; "" = the one promoted to the tag
	Variant    string          // --variant of the config
	Dockerfile string          // --dockerfile: path in the source, instead of the config's
	ContextDir string          // --context-dir in the source, instead of the config's
	BuildArgs  []ciconfig.Arg  // --build-arg: added to the config's, winning over them
	OS         osimage.Changes // what is changed in an operating system image, which is then not built from source
}

// ParseTarget reads COMPONENT or COMPONENT=SOURCE. An error has the class fault.Usage.
func ParseTarget(argument string) (Target, error) {
	name, source, assigned := strings.Cut(argument, "=")
	if name == "" {
		return Target{}, fault.Errorf(fault.Usage,
			"argument %q names no component: want COMPONENT or COMPONENT=SOURCE", argument)
	}
	if assigned && source == "" {
		return Target{},
			fault.New(fault.Usage,
				fmt.Sprintf("For the payload's own commit write %q; for this directory %q.", name, name+"=."),
				fmt.Errorf("argument %q has nothing after the =", argument))
	}
	return Target{Name: name, Source: source}, nil
}

// Validate refuses what can be seen to be wrong before anything is read.
func (r Request) Validate() error {
	if r.Release == "" {
		return fault.New(fault.Usage,
			"Name the payload to start from, such as --from-release quay.io/okd/scos-release:4.17.0-okd-scos.0.",
			fmt.Errorf("--from-release is missing"))
	}
	if len(r.Targets) == 0 && !r.All {
		return fault.New(fault.Usage, "`oc rebuild info REF` lists the components of a payload.",
			fmt.Errorf("no component is named"))
	}
	if err := r.ValidateNames(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, target := range r.Targets {
		if seen[target.Name] {
			return fault.Errorf(fault.Usage, "component %q is named twice", target.Name)
		}
		seen[target.Name] = true
		if err := target.validate(); err != nil {
			return fmt.Errorf("component %q: %w", target.Name, err)
		}
	}
	return nil
}

// NameAuto asks for a name that says what is new in the payload.
const NameAuto = "auto"

// ValidateNames checks the payload to start from, where the new one and the images go, and what it is called, as far as
// that is known.
func (r Request) ValidateNames() error {
	if r.Release != "" {
		if _, err := registry.ParseReference(r.Release); err != nil {
			return fmt.Errorf("--from-release: %w", err)
		}
	}
	if r.To != "" {
		if _, err := registry.ParseTarget(r.To); err != nil {
			return fmt.Errorf("--to-image: %w", err)
		}
	}
	if r.ToRepository != "" {
		if err := registry.CheckRepository(r.ToRepository); err != nil {
			return fmt.Errorf("--to-repository: %w", err)
		}
	}
	if r.Name != "" && r.Name != NameAuto {
		if err := payload.CheckName(r.Name); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	return nil
}

// validate checks what a target names on this machine.
func (t Target) validate() error {
	spec, err := gitsrc.Parse(t.Source)
	if err != nil {
		return err
	}
	if t.Image != "" {
		if _, err := registry.ParseReference(t.Image); err != nil {
			return err
		}
	}
	if err := t.validateOS(); err != nil {
		return err
	}
	if err := spec.Check(); err != nil {
		return err
	}
	files := t.Patches
	if t.Config != "" {
		files = append(files[:len(files):len(files)], t.Config)
	}
	for _, name := range files {
		file, err := regular.Open(name)
		if err != nil {
			return fault.New(fault.Unresolved, "", err)
		}
		_ = file.Close() // nothing was written
	}
	return nil
}

// Repository is where component images go: the repository of the new payload unless another is named.
func (r Request) Repository() string {
	if r.ToRepository != "" {
		return r.ToRepository
	}
	named, err := registry.ParsePullSpec(r.To)
	if err != nil {
		return ""
	}
	return named.Name()
}

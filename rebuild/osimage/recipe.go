package osimage

import (
	_ "embed" // the scripts
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// What runs inside the build.
var (
	//go:embed scripts/apply.sh
	scriptApply []byte
	//go:embed scripts/commit.sh
	scriptCommit []byte
	//go:embed scripts/extensions.sh
	scriptExtensions []byte
)

// Where RPMs are in the images that hold them.
const (
	extensionsDirectory = "usr/share/rpm-ostree/extensions"
	legacyDirectory     = "extensions"
)

// maxContainerfile bounds a Containerfile, in bytes.
const maxContainerfile = 1 << 20

// commitID is what names an ostree commit.
var commitID = regexp.Delayed(`^[0-9a-f]{64}$`)

// Base is the image that is changed.
type Base struct {
	Name   string            // the component
	Labels map[string]string // of its image
	Digest string            // of its image
}

// Recipe is how to build a changed image.
type Recipe struct {
	Kind     Kind
	Context  string            // directory of the build context
	File     string            // the Containerfile that the user named; "" where Text is generated
	Text     []byte            // the Dockerfile; payload:NAME stands for the payload's image
	Labels   map[string]string // labels that differ from the base's
	Summary  string            // what changes, in a few words
	Notes    []string          // what the user should know before
	Replaced []string          // paths that the image must have, relative to its root
	// the image that the stage with ostree and createrepo_c is based on; "" where there is none
	Tools   string
	Needs   []Need // programs that the build runs
	Commits bool   // a new ostree commit is made; NewCommit finds it
}

// Need is one program that an image must have, and the alternatives to it.
type Need struct {
	Programs []string // any of them
	Tools    bool     // in the tools image, not in the one that is changed
	For      string   // flag that asks for it
}

// New writes the build context for changes of an image into an empty directory, and returns how to build it. Flags
// that do not fit the image have the class fault.Usage, files that cannot be read fault.Unresolved.
func New(directory string, base Base, changes Changes) (Recipe, error) {
	kind, ok := Detect(base.Name, base.Labels)
	if !ok {
		return Recipe{},
			fault.New(fault.Usage,
				"Its image has none of the labels ostree.bootable, containers.bootc and com.coreos.ostree-commit. "+
					"Give a component's source as COMPONENT=SOURCE.",
				fmt.Errorf("%s: %q is not an operating system image", changes, base.Name))
	}
	if err := changes.check(kind); err != nil {
		return Recipe{}, err
	}
	if changes.Containerfile != "" {
		return fromContainerfile(changes.Containerfile)
	}
	recipe := Recipe{Kind: kind, Context: directory, Tools: changes.Tools}
	if recipe.Tools == "" {
		recipe.Tools = DefaultTools
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return Recipe{}, fmt.Errorf("preparing the build context: %w", err)
	}
	defer root.Close()
	if err := recipe.fill(root, changes); err != nil {
		return Recipe{}, err
	}
	sum, err := Digest(root.FS(), base.Digest)
	if err != nil {
		return Recipe{}, err
	}
	switch kind {
	case Bootable:
		err = recipe.bootable(root, base, changes, sum)
	case Legacy:
		err = recipe.legacy(root, base, changes, sum)
	case Extensions:
		err = recipe.extensions(root, base)
	}
	return recipe, err
}

// fill copies the user's files into the context.
func (r *Recipe) fill(root *os.Root, changes Changes) error {
	if len(changes.Overlays)+len(changes.Replacements) > 0 {
		if err := root.Mkdir("tree", 0o755); err != nil {
			return fmt.Errorf("preparing the build context: %w", err)
		}
		inner, err := root.OpenRoot("tree")
		if err != nil {
			return fmt.Errorf("preparing the build context: %w", err)
		}
		defer inner.Close()
		t := &tree{kind: r.Kind, root: inner}
		for _, overlay := range changes.Overlays {
			if err := t.add(overlay); err != nil {
				return err
			}
		}
		for _, replacement := range changes.Replacements {
			to, err := t.replace(replacement)
			if err != nil {
				return err
			}
			r.Replaced = append(r.Replaced, to)
		}
	}
	if err := addPackages(root, append(append([]string{}, changes.RPMs...), changes.ExtensionRPMs...)); err != nil {
		return err
	}
	for _, repo := range changes.RepoFiles {
		if err := addFile(root, "repos", repo, repoFile, nil); err != nil {
			return err
		}
	}
	if len(r.Replaced) == 0 {
		return nil
	}
	if err := root.WriteFile("replaced", []byte(strings.Join(r.Replaced, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("preparing the build context: %w", err)
	}
	return nil
}

// fromContainerfile takes a build of the user's own. Its context is the directory that the file is in.
func fromContainerfile(name string) (Recipe, error) {
	text, err := regular.Read(name, maxContainerfile)
	if err != nil {
		return Recipe{}, fault.New(fault.Unresolved, "", fmt.Errorf("reading the Containerfile: %w", err))
	}
	directory, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return Recipe{}, fmt.Errorf("locating the Containerfile: %w", err)
	}
	return Recipe{Kind: Bootable, Context: directory, File: name, Text: text,
		Summary: "built by " + filepath.Base(name)}, nil
}

package ciconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// Recipe is what it takes to build one pipeline image.
type Recipe struct {
	Origin     string          `json:"origin"` // what decided: the tree, file or server that the config came from
	Config     string          `json:"config"` // path of the config in it
	Image      string          `json:"image"`  // pipeline tag
	Kind       StepKind        `json:"kind"`   // image, cache or source
	ContextDir string          `json:"contextDir"`
	Dockerfile string          `json:"dockerfile"` // relative to ContextDir
	Literal    string          `json:"dockerfileLiteral,omitempty"`
	From       string          `json:"from,omitempty"` // pipeline tag that replaces the last FROM
	BuildArgs  []Arg           `json:"buildArgs,omitempty"`
	Inputs     []Input         `json:"inputs,omitempty"`
	Checkout   bool            `json:"checkout"` // the context directory of the checkout is part of the build context
	WorkDir    string          `json:"-"`        // where the repository lies in CI's src image
	Pipeline   map[string]Step `json:"-"`        // what From and Inputs stand for, by pipeline tag
	// Requests are what its build requests of a node, such as cpu: 100m (ci-operator's resources: those of the image
	// win over those of every step).
	Requests map[string]string `json:"-"`

	config *Config
}

// Recipe returns how a pipeline image is built. Images come from Dockerfiles of the repository; caches, bin, rpms and
// src from a few lines of shell, for which a Dockerfile is made up: Kind says so, and then Literal is the whole
// Dockerfile and must not be written into the context. An image that does not exist, or that cannot be built outside
// CI, is an error of class Unresolved.
func (c *Config) Recipe(image string) (Recipe, error) {
	graph, err := c.Graph()
	if err != nil {
		return Recipe{}, err
	}
	needs, err := graph.Needs(image)
	if err != nil {
		return Recipe{}, err
	}
	step := graph.steps[image]
	r := Recipe{Config: c.Name, Image: image, Kind: step.Kind, From: step.From, WorkDir: c.WorkDir(),
		Pipeline: map[string]Step{}, config: c}
	for _, need := range needs {
		r.Pipeline[need] = graph.steps[need]
	}
	for _, step := range []string{"*", image} {
		for name, quantity := range c.Requests[step] {
			if r.Requests == nil {
				r.Requests = map[string]string{}
			}
			r.Requests[name] = quantity
		}
	}
	switch step.Kind {
	case StepInput:
		return Recipe{}, fault.Errorf(fault.Unresolved, "%s: %q is imported, not built: it is %s",
			c.Name, image, step.Base)
	case StepSource:
		r.Literal, r.Checkout = sourceDockerfile(r.WorkDir), true
		return r, nil
	case StepCache:
		r.Literal = cacheDockerfile(step)
		return r, nil
	}
	return r, r.fill(*step.Image)
}

// fill takes over what an image of the config states.
func (r *Recipe) fill(i Image) error {
	r.ContextDir, r.Dockerfile, r.Literal = path.Clean("./"+i.ContextDir), i.Dockerfile, i.Literal
	r.BuildArgs, r.Inputs, r.Checkout = i.BuildArgs, i.Inputs, true
	if r.Dockerfile == "" {
		r.Dockerfile = "Dockerfile"
	}
	r.Dockerfile = strings.TrimPrefix(r.Dockerfile, "./")
	for _, input := range i.Inputs {
		if input.Image == "src" {
			r.Checkout = false // the config says itself what is taken from src
		}
		for _, one := range input.Paths {
			if one.Destination != "" && !fs.ValidPath(path.Clean(one.Destination)) ||
				unprintable(one.Source+one.Destination) {
				return r.errorf("inputs: %q: destination_dir %q is not inside the build context",
					input.Image, one.Destination)
			}
		}
	}
	if path.IsAbs(i.ContextDir) || !fs.ValidPath(r.ContextDir) || unprintable(i.ContextDir) {
		return r.errorf("context_dir %q is not inside the repository", i.ContextDir)
	}
	if path.IsAbs(i.Dockerfile) || !fs.ValidPath(path.Join(r.ContextDir, r.Dockerfile)) || unprintable(i.Dockerfile) {
		return r.errorf("dockerfile_path %q is not inside the repository", i.Dockerfile)
	}
	return nil
}

// unprintable reports control characters.
func unprintable(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) })
}

// errorf is an error of class Unresolved about this recipe.
func (r Recipe) errorf(format string, args ...any) error {
	return fault.Errorf(fault.Unresolved, "%s: the image %q: %w", r.Config, r.Image, fmt.Errorf(format, args...))
}

// sourceDockerfile makes CI's src image from the build root and a checkout: the same layout and permissions.
func sourceDockerfile(workDir string) string {
	return "FROM root\nCOPY . " + workDir + "/\n" +
		"RUN find /go/src -type d -not -perm -0775 -exec chmod g+xw {} +\n" +
		"WORKDIR " + workDir + "/\nENV GOPATH=/go\n"
}

// cacheDockerfile runs commands on top of another pipeline image, as CI does.
func cacheDockerfile(step Step) string {
	command := strconv.Quote("set -o errexit; umask 0002; " + step.Commands)
	return "FROM " + step.From + "\nRUN [\"/bin/bash\",\"-c\"," + command + "]\n"
}

// Context is one piece of the build context.
type Context struct {
	Image string `json:"image"` // pipeline tag that it is copied from
	// path in that image; a trailing /. means the contents of a directory
	Source      string `json:"source"`
	Destination string `json:"destination"` // directory in the context
	// path in the repository's checkout, where the piece lies there; then Image need not exist
	Checkout string `json:"checkout,omitempty"`
}

// Contexts lists what the build context is made of, in the order in which CI copies: later pieces overwrite earlier
// ones. The inputs come sorted by name, the repository last; where the config takes paths from src itself, these
// stand for the repository.
func (r Recipe) Contexts() []Context {
	var list []Context
	for _, input := range r.Inputs {
		for _, one := range input.Paths {
			piece := Context{Image: input.Image, Source: one.Source, Destination: path.Clean("./" + one.Destination)}
			piece.Checkout, _ = r.config.inCheckout(input.Image, one.Source)
			list = append(list, piece)
		}
	}
	if r.Checkout {
		inside := path.Join(".", r.ContextDir) + "/."
		list = append(list, Context{Image: "src", Source: r.WorkDir + "/" + inside, Destination: ".", Checkout: inside})
	}
	return list
}

// ReadDockerfile returns the Dockerfile as it stands in the config or in the checkout. The file system should be one
// that symbolic links do not lead out of, such as os.Root.FS. Only regular files are read, of dockerfile.MaxSize
// bytes at most.
func (r Recipe) ReadDockerfile(checkout fs.FS) ([]byte, error) {
	if r.Literal != "" {
		return []byte(r.Literal), nil
	}
	name := path.Join(r.ContextDir, r.Dockerfile)
	data, err := readRegular(checkout, name, dockerfile.MaxSize)
	if errors.Is(err, fs.ErrNotExist) { // what the error calls the operation means nothing to anybody
		err = fmt.Errorf("there is no %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fault.New(fault.Unresolved, "--dockerfile and --context-dir say where it is",
			fmt.Errorf("reading the Dockerfile of %q: %w", r.Image, err))
	}
	return data, nil
}

// readRegular reads a regular file of limited size.
func readRegular(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", name)
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return regular.All(file, name, limit)
}

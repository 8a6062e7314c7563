package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
)

// settings are what an image says about how programs run in it.
type settings struct {
	Env     []string
	User    string
	OnBuild []string
}

func (i Image) settings() (settings, error) {
	var parsed struct {
		Config settings `json:"config"`
	}
	if err := json.Unmarshal(i.Config, &parsed); err != nil {
		return settings{}, fmt.Errorf("parsing the config of image %q: %w", i.ID, err)
	}
	return parsed.Config, nil
}

// variable returns the value of an environment variable, of several the last, as the kernel's programs take it.
func (s settings) variable(name, otherwise string) string {
	for _, entry := range s.Env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok && value != "" {
			otherwise = value
		}
	}
	return otherwise
}

// HasProgram reports whether an image in local storage has an executable of that name on its PATH. Links are followed
// only inside the image.
func (b *Builder) HasProgram(image Image, name string) (found bool, err error) {
	settings, err := image.settings()
	if err != nil {
		return false, err
	}
	search := settings.variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	err = b.inside(image.ID, func(root *os.Root) error {
		for _, directory := range strings.Split(search, ":") {
			program := strings.TrimPrefix(path.Join("/", directory, name), "/")
			// A link such as /usr/bin/go -> /usr/lib/golang/bin/go is absolute, which os.Root refuses: its presence is
			// enough.
			info, err := root.Lstat(program)
			if err == nil && (info.Mode()&os.ModeSymlink != 0 || info.Mode().IsRegular() && info.Mode()&0o111 != 0) {
				found = true
			}
		}
		return nil
	})
	return found, err
}

// User returns whom steps on an image run as, as its config has it: "" is root.
func (i Image) User() (string, error) {
	settings, err := i.settings()
	return settings.User, err
}

// GoCaches are the directories of an image in which its Go toolchain keeps what it has compiled and downloaded, as
// `go env GOCACHE GOMODCACHE` prints them in a step that runs as root, or "".
type GoCaches struct{ Build, Modules string }

// GoCaches returns where the caches of an image's Go toolchain are, be there something or not.
func (i Image) GoCaches() (GoCaches, error) {
	settings, err := i.settings()
	if err != nil {
		return GoCaches{}, err
	}
	home := settings.variable("HOME", "/root")
	below := func(directory string, elements ...string) string {
		if !path.IsAbs(directory) {
			return ""
		}
		return path.Join(append([]string{directory}, elements...)...)
	}
	gopath, _, _ := strings.Cut(settings.variable("GOPATH", below(home, "go")), ":")
	return GoCaches{
		Build:   below(settings.variable("GOCACHE", below(settings.variable("XDG_CACHE_HOME", below(home, ".cache")), "go-build"))),
		Modules: below(settings.variable("GOMODCACHE", below(gopath, "pkg/mod"))),
	}, nil
}

// CopyDirectory copies a directory of an image in local storage, where the image has one of that name: a link is none.
func (b *Builder) CopyDirectory(ctx context.Context, image Image, name string, to *os.Root, as string) error {
	return b.inside(image.ID, func(root *os.Root) error {
		name := strings.TrimPrefix(path.Clean(name), "/")
		if info, err := root.Lstat(name); name == "" || err != nil || !info.IsDir() {
			return nil
		}
		return copytree.Copy(ctx, root, name, to, as)
	})
}

// Triggers returns the instructions of ONBUILD that an image has, which run at the beginning of every stage that is
// built on it.
func (i Image) Triggers() ([]string, error) {
	settings, err := i.settings()
	return settings.OnBuild, err
}

// HasTriggers reports whether an image has any, or cannot be read.
func (i Image) HasTriggers() bool {
	triggers, err := i.Triggers()
	return err != nil || len(triggers) > 0
}

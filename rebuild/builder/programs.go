package builder

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
)

// HasProgram reports whether an image in local storage has an executable of that name on its PATH. Links are followed
// only inside the image.
func (b *Builder) HasProgram(image Image, name string) (found bool, err error) {
	var config struct {
		Config struct{ Env []string } `json:"config"`
	}
	if err := json.Unmarshal(image.Config, &config); err != nil {
		return false, fmt.Errorf("parsing the config of image %q: %w", image.ID, err)
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, entry := range config.Config.Env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			search = value
		}
	}
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

// Triggers returns the instructions of ONBUILD that an image has, which run at the beginning of every stage that is
// built on it.
func (i Image) Triggers() ([]string, error) {
	var config struct {
		Config struct{ OnBuild []string } `json:"config"`
	}
	if err := json.Unmarshal(i.Config, &config); err != nil {
		return nil, fmt.Errorf("parsing the config of image %q: %w", i.ID, err)
	}
	return config.Config.OnBuild, nil
}

// HasTriggers reports whether an image has any, or cannot be read.
func (i Image) HasTriggers() bool {
	triggers, err := i.Triggers()
	return err != nil || len(triggers) > 0
}

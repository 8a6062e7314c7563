package builddata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"go.podman.io/storage/pkg/regexp"
	"gopkg.in/yaml.v3"
)

// Limits on what is read.
const (
	// MaxSize is the largest file that is read, in bytes. streams.yml is the largest real one, with about 100 KiB.
	MaxSize = 4 << 20
	// maxFiles bounds the files in images/. There are about 300 in a branch.
	maxFiles = 10_000
)

// Data is a checkout of ocp-build-data. It may be used by several goroutines at a time.
type Data struct {
	files  fs.FS
	origin string
	shared func() (*context, error)
}

// context is what the images of a branch have in common.
type context struct {
	version string // MAJOR.MINOR, "" if unknown
	vars    map[string]string
	streams map[string]stream
	images  map[string]file // by path
}

// stream is an entry of streams.yml.
type stream struct {
	Image    string   `yaml:"image"`
	Upstream string   `yaml:"upstream_image"`
	Aliases  []string `yaml:"aliases"`
}

// file is what an image's file says.
type file struct {
	Mode        string `yaml:"mode"`
	Name        string `yaml:"name"`
	PayloadName string `yaml:"payload_name"`
	ForPayload  bool   `yaml:"for_payload"`
	Content     struct {
		Source struct {
			Dockerfile string `yaml:"dockerfile"`
			Path       string `yaml:"path"`
			Git        struct {
				URL    string `yaml:"url"`
				Web    string `yaml:"web"`
				Branch struct {
					Target string `yaml:"target"`
				} `yaml:"branch"`
			} `yaml:"git"`
		} `yaml:"source"`
	} `yaml:"content"`
	From struct {
		parent  `yaml:",inline"`
		Builder []parent `yaml:"builder"`
	} `yaml:"from"`
}

// parent names an image in one of three ways.
type parent struct {
	Stream string `yaml:"stream"`
	Member string `yaml:"member"`
	Image  string `yaml:"image"`
}

// Open returns the build data in a file system. Symbolic links are the file system's business, as in ciconfig.Open.
// The origin says in messages what it is.
func Open(files fs.FS, origin string) *Data {
	d := &Data{files: files, origin: origin}
	d.shared = sync.OnceValues(d.load)
	return d
}

// load reads what all images have in common, and the images themselves.
func (d *Data) load() (*context, error) {
	c := &context{vars: map[string]string{}, images: map[string]file{}}
	var group struct {
		Vars map[string]yaml.Node `yaml:"vars"`
	}
	if err := d.decode("group.yml", &group); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for name, value := range group.Vars {
		c.vars[name] = value.Value
	}
	if c.vars["MAJOR"] != "" && c.vars["MINOR"] != "" {
		c.version = c.vars["MAJOR"] + "." + c.vars["MINOR"]
	}
	if err := d.decode("streams.yml", &c.streams); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return c, d.readImages(c)
}

// readImages reads the files of the images. Files that are not understood are left out: nothing depends on them
// unless they are asked for.
func (d *Data) readImages(c *context) error {
	entries, err := fs.ReadDir(d.files, "images")
	if err != nil {
		return fault.New(fault.Unresolved,
			"--build-data takes a clone of https://github.com/openshift-eng/ocp-build-data, on the release's branch",
			fmt.Errorf("reading build data in %s: %w", d.origin, err))
	}
	if len(entries) > maxFiles {
		return fault.Errorf(fault.Unresolved, "%s has %d images, more than %d", d.origin, len(entries), maxFiles)
	}
	for _, entry := range entries {
		name := path.Join("images", entry.Name())
		if extension := path.Ext(name); extension != ".yml" && extension != ".yaml" {
			continue
		}
		var one file
		if err := d.decode(name, &one); err == nil && one.Mode != "disabled" {
			c.images[name] = one
		}
	}
	return nil
}

// decode reads one YAML file.
func (d *Data) decode(name string, target any) error {
	info, err := fs.Stat(d.files, name)
	if err != nil {
		return fmt.Errorf("reading build data: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fault.Errorf(fault.Unresolved, "%s: %s is not a regular file", d.origin, name)
	}
	opened, err := d.files.Open(name)
	if err != nil {
		return fmt.Errorf("reading build data: %w", err)
	}
	defer opened.Close()
	data, err := io.ReadAll(io.LimitReader(opened, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = fmt.Errorf("more than %d bytes", MaxSize)
	}
	if err == nil {
		err = yaml.NewDecoder(bytes.NewReader(data)).Decode(target)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Errorf(fault.Unresolved, "%s: %s: %w", d.origin, name, err)
	}
	return nil
}

// variable is {NAME} in a value.
var variable = regexp.Delayed(`\{([A-Z_]+)\}`)

// expand puts the variables of the group into a value.
func (c *context) expand(text string) string {
	return variable.ReplaceAllStringFunc(text, func(place string) string {
		if value, ok := c.vars[place[1:len(place)-1]]; ok {
			return value
		}
		return place
	})
}

// rhelSuffix ends the names of images that are built for one release of RHEL.
var rhelSuffix = regexp.Delayed(`-rhel-?[0-9]+$`)

// payloadName returns what a payload calls the image.
func (f file) payloadName() string {
	if f.PayloadName != "" {
		return f.PayloadName
	}
	name := f.Name[strings.LastIndexByte(f.Name, '/')+1:]
	return rhelSuffix.ReplaceAllString(strings.TrimPrefix(name, "ose-"), "")
}

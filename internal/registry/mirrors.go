package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/BurntSushi/toml"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"gopkg.in/yaml.v3"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxMirrorFile is the largest mirror file that is read, in bytes.
const maxMirrorFile = 4 << 20

// mirrorSet is what ImageDigestMirrorSet, ImageTagMirrorSet and ImageContentSourcePolicy have in common.
type mirrorSet struct {
	Kind string `yaml:"kind"`
	Spec struct {
		ImageDigestMirrors      []mirrorRule `yaml:"imageDigestMirrors"`
		ImageTagMirrors         []mirrorRule `yaml:"imageTagMirrors"`
		RepositoryDigestMirrors []mirrorRule `yaml:"repositoryDigestMirrors"`
	} `yaml:"spec"`
}

// mirrorRule sends a repository, or all repositories under a prefix, to mirrors that are tried in order.
type mirrorRule struct {
	Source             string   `yaml:"source"`
	Mirrors            []string `yaml:"mirrors"`
	MirrorSourcePolicy string   `yaml:"mirrorSourcePolicy"`
}

// setMirrors merges the rules of the mirror files into the machine's registries.conf. A rule replaces the machine's
// for the same prefix. Mirrors are dialled as any registry: with TLS verified, unless the options or registries.conf
// say otherwise.
func (c *Client) setMirrors() error {
	if len(c.options.MirrorFiles) == 0 {
		return nil
	}
	conf := sysregistriesv2.V2RegistriesConf{}
	existing, err := sysregistriesv2.GetRegistries(c.system)
	if err != nil {
		return fmt.Errorf("reading registries.conf: %w", err)
	}
	conf.Registries = append(conf.Registries, existing...)
	if conf.CredentialHelpers, err = sysregistriesv2.CredentialHelpers(c.system); err != nil {
		return fmt.Errorf("reading registries.conf: %w", err)
	}
	for _, file := range c.options.MirrorFiles {
		rules, err := readMirrors(file)
		if err != nil {
			return fault.New(fault.Usage, "", fmt.Errorf("reading mirror file %q: %w", file, err))
		}
		for _, rule := range rules {
			conf.Registries = replace(conf.Registries, rule)
		}
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(conf); err != nil {
		return fmt.Errorf("writing registries.conf: %w", err)
	}
	path, err := c.write("registries", "registries.conf", text.Bytes())
	if err != nil {
		return err
	}
	c.system.SystemRegistriesConfPath = path
	// the machine's drop-in files are merged above
	c.system.SystemRegistriesConfDirPath = filepath.Join(c.scratch, "none")
	if _, err := sysregistriesv2.TryUpdatingCache(c.system); err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("applying the mirror files: %w", err))
	}
	return nil
}

func readMirrors(path string) ([]sysregistriesv2.Registry, error) {
	data, err := regular.Read(path, maxMirrorFile)
	if err != nil {
		return nil, err
	}
	return parseMirrors(data)
}

// parseMirrors reads one or more yaml documents. Each rule becomes a registry of registries.conf.
func parseMirrors(data []byte) ([]sysregistriesv2.Registry, error) {
	var registries []sysregistriesv2.Registry
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var set mirrorSet
		err := decoder.Decode(&set)
		if errors.Is(err, io.EOF) {
			return registries, nil
		}
		if err != nil {
			return nil, err
		}
		switch set.Kind {
		case "ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy":
		default:
			return nil, fmt.Errorf("kind %q: want ImageDigestMirrorSet, ImageTagMirrorSet or ImageContentSourcePolicy",
				set.Kind)
		}
		digests := append(set.Spec.ImageDigestMirrors, set.Spec.RepositoryDigestMirrors...)
		for _, rule := range digests {
			registries = replace(registries, rule.registry(sysregistriesv2.MirrorByDigestOnly))
		}
		for _, rule := range set.Spec.ImageTagMirrors {
			registries = replace(registries, rule.registry(sysregistriesv2.MirrorByTagOnly))
		}
	}
}

func (rule mirrorRule) registry(kind string) sysregistriesv2.Registry {
	r := sysregistriesv2.Registry{Prefix: rule.Source, Blocked: rule.MirrorSourcePolicy == "NeverContactSource"}
	r.Location = rule.Source
	for _, mirror := range rule.Mirrors {
		r.Mirrors = append(r.Mirrors, sysregistriesv2.Endpoint{Location: mirror, PullFromMirror: kind})
	}
	return r
}

// replace puts a registry into the list: in place of the one with the same prefix, whose mirrors stay behind the new
// ones.
func replace(list []sysregistriesv2.Registry, r sysregistriesv2.Registry) []sysregistriesv2.Registry {
	for i := range list {
		if list[i].Prefix == r.Prefix {
			r.Insecure = list[i].Insecure
			r.Location = list[i].Location
			r.Mirrors = append(r.Mirrors, list[i].Mirrors...)
			list[i] = r
			return list
		}
	}
	return append(list, r)
}

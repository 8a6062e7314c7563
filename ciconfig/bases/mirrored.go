package bases

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"gopkg.in/yaml.v3"
)

// mirroring is where openshift/release says which public images CI copies into its own image streams.
const mirroring = "core-services/image-mirroring/_config.yaml"

// Mirrored returns a rule for each image that CI copies from a public registry, out of a tree laid out as
// openshift/release: not stand-ins but the very images. A tree without that file has none. Entries that are not
// understood are left out.
func Mirrored(files fs.FS) (Rules, error) {
	info, err := fs.Stat(files, mirroring)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	var opened fs.File
	if err == nil {
		opened, err = files.Open(mirroring)
	}
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading %s: %w", mirroring, err))
	}
	defer opened.Close()
	data, err := io.ReadAll(io.LimitReader(opened, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = fmt.Errorf("more than %d bytes", MaxSize)
	}
	var config struct {
		Images map[string]struct {
			Image string `yaml:"image"`
		} `yaml:"supplementalCIImages"`
	}
	if err == nil {
		err = yaml.Unmarshal(data, &config)
	}
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading %s: %w", mirroring, err))
	}
	var rules Rules
	for name, one := range config.Images {
		if strings.ContainsAny(name+one.Image, "*$") || len(rules) == maxRules {
			continue
		}
		if rule, err := Parse(mirroring, name+"="+one.Image); err == nil {
			rule.Note = "what CI mirrors under this name"
			rules = append(rules, rule)
		}
	}
	sort.Slice(rules, func(a, b int) bool { return rules[a].Pattern < rules[b].Pattern })
	return rules, nil
}

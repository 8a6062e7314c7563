package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

const (
	// treeFile is the file with defaults in a working tree, or above it.
	treeFile = ".oc-rebuild.yaml"
	// maxDefaults is the largest such file that is read, in bytes.
	maxDefaults = 1 << 20
	// fromAnnotation of a flag names the variable or the file that its default is from.
	fromAnnotation = "oc-rebuild/from"
)

// rule says who may set the default of a flag, and where it counts.
type rule struct {
	// A file inside a working tree may set it, which anybody may have written: where a payload comes from and goes, and
	// nothing that decides whom one trusts, what is run besides the source, or where it is kept.
	inTree bool
	// Flags that say the same, or that exclude it: where one is typed the default does not count.
	yields []string
	// Commands that mean something else by the flag, or that become another command with it.
	except []string
}

// settable lists the flags that may have a default.
func settable() map[string]rule {
	return map[string]rule{
		// without these new begins with nothing and pushes nothing, and deploy looks at the cluster's own payload
		"from-release":  {inTree: true, except: []string{"new", "deploy"}},
		"to-image":      {inTree: true, except: []string{"new"}},
		"to-repository": {inTree: true, yields: []string{"to-cluster-registry"}},
		"name":          {inTree: true, except: []string{"new"}},
		"platform":      {inTree: true, yields: []string{"filter-by-os"}},
		"base-policy":   {inTree: true}, "compression": {inTree: true},
		// there it is how many images are read or copied at once
		"jobs": {inTree: true, except: []string{"info", "mirror", "new"}},

		"release-repo":    {yields: []string{"config-resolver"}},
		"config-resolver": {yields: []string{"release-repo"}},
		"build-data":      {}, "base-image-map": {},
		"registry-config":      {yields: []string{"authfile"}},
		"push-registry-config": {}, "certificate-authority": {}, "signature-policy": {},
		// cache prune would remove what everybody recorded there
		"results":   {except: []string{"prune"}},
		"cache-dir": {}, "isolation": {}, "network": {}, "engine-image": {},
		"storage-root": {}, "storage-driver": {}, "kubeconfig": {}, "context": {},
	}
}

// variable is the name of the environment variable that has the default of a flag.
func variable(flag string) string {
	return "OC_REBUILD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setting is the default of a flag.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // a variable, or a file
}

// defaults reads what the environment and files say: variables win, then the file in the working tree, then the
// user's own.
func defaults(getenv func(string) string, directory string) (map[string]setting, error) {
	found := map[string]setting{}
	own, err := os.UserConfigDir()
	if err == nil {
		if err := readDefaults(filepath.Join(own, "oc-rebuild", "config.yaml"), false, found); err != nil {
			return nil, err
		}
	}
	for at := directory; ; at = filepath.Dir(at) {
		path := filepath.Join(at, treeFile)
		if info, err := os.Stat(path); err == nil {
			if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid() &&
				!builder.StartedAgain() { // in a user namespace, where root's files look like somebody else's
				return nil, fault.New(fault.Usage, "Remove it, or work in another directory.",
					fmt.Errorf("defaults of %q: the file is somebody else's, user %d", path, owner.Uid))
			}
			if err := readDefaults(path, true, found); err != nil {
				return nil, err
			}
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	said := map[string]setting{}
	for name := range settable() {
		if value := getenv(variable(name)); value != "" {
			said[name] = setting{name, value, variable(name)}
		}
	}
	override(found, said)
	return found, nil
}

// override adds what one place says to what weaker ones do, and takes away what that excludes.
func override(found, stronger map[string]setting) {
	for name, rule := range settable() {
		if slices.ContainsFunc(rule.yields, func(other string) bool {
			_, ok := stronger[other]
			return ok
		}) {
			delete(found, name)
		}
	}
	maps.Copy(found, stronger)
}

// readDefaults adds what a file says. A file that is not there says nothing.
func readDefaults(path string, inTree bool, found map[string]setting) error {
	data, err := regular.Read(path, maxDefaults)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("reading defaults: %w", err))
	}
	var values map[string]yaml.Node // which have numbers as they are written
	if err := yaml.Unmarshal(data, &values); err != nil {
		return fault.New(fault.Usage, "It has lines such as to-image: quay.io/me/okd-release:mine.",
			fmt.Errorf("reading defaults of %q: %w", path, err))
	}
	said, rules := map[string]setting{}, settable()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		rule, known := rules[name]
		value := values[name]
		text := []string{"!!str", "!!int", "!!float", "!!timestamp"}
		if value.Kind != yaml.ScalarNode || !slices.Contains(text, value.ShortTag()) {
			return fault.Errorf(fault.Usage, "defaults of %q: %s is no text and no number", path, name)
		}
		if !known {
			return fault.New(fault.Usage, "`oc rebuild config` lists what can be set.",
				fmt.Errorf("defaults of %q: there is nothing called %q", path, name))
		}
		if inTree && !rule.inTree {
			return fault.New(fault.Usage, "Set it in your own file, by "+variable(name)+" or with --"+name+".",
				fmt.Errorf("defaults of %q: %s cannot be set by a file inside a working tree, which anybody may have written", path, name))
		}
		said[name] = setting{name, value.Value, path}
	}
	override(found, said)
	return nil
}

// applyDefaults sets the flags that the command line does not, and says what a file in the working tree decides.
func applyDefaults(streams Streams, command *cobra.Command) error {
	flags, rules := command.Flags(), settable()
	takes := func(name string) bool {
		return flags.Lookup(name) != nil && !slices.Contains(rules[name].except, command.Name())
	}
	typed := func(name string) bool {
		return flags.Changed(name) || slices.ContainsFunc(rules[name].yields, flags.Changed)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(rules)), takes) {
		return nil
	}
	directory, err := os.Getwd()
	if err != nil {
		return nil //nolint:nilerr // without a working directory there is no file in it
	}
	found, err := defaults(os.Getenv, directory)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !takes(name) || typed(name) {
			continue
		}
		if err := flags.Lookup(name).Value.Set(found[name].Value); err != nil {
			return fault.Errorf(fault.Usage, "%s of %s: %q: %w", name, found[name].From, found[name].Value, err)
		}
		if err := flags.SetAnnotation(name, fromAnnotation, []string{found[name].From}); err != nil {
			return err
		}
		if filepath.Base(found[name].From) == treeFile {
			streams.once(fmt.Sprintf("--%s %s, says %s", name, found[name].Value, found[name].From))
		}
	}
	return nil
}

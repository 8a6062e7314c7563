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

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	// treeFile is the file with defaults in a working tree, or above it.
	treeFile = ".oc-rebuild.yaml"
	// maxDefaults is the largest such file that is read, in bytes.
	maxDefaults = 1 << 20
)

// settable lists the flags that may have a default. What is true may be set by a file inside a working tree, which
// anybody may have written: where a payload comes from and goes, and nothing that decides whom one trusts, what is
// run besides the source, or where it is kept.
func settable() map[string]bool {
	return map[string]bool{
		"from-release": true, "to-image": true, "to-repository": true, "name": true, "platform": true,
		"base-policy": true,
		"compression": true, "jobs": true,

		"release-repo": false, "config-resolver": false, "build-data": false, "base-image-map": false,
		"registry-config":      false,
		"push-registry-config": false, "results": false, "certificate-authority": false, "signature-policy": false,
		"cache-dir": false, "isolation": false,
		"network": false, "engine-image": false,
		"storage-root": false, "storage-driver": false, "kubeconfig": false, "context": false,
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
			if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid() {
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
	for name := range settable() {
		if value := getenv(variable(name)); value != "" {
			found[name] = setting{name, value, variable(name)}
		}
	}
	return found, nil
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
	var values map[string]any
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		return fault.New(fault.Usage, "It has lines such as to-image: quay.io/me/okd-release:mine.",
			fmt.Errorf("reading defaults of %q: %w", path, err))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		safe, known := settable()[name]
		switch value := values[name].(type) {
		case string, float64:
			found[name] = setting{name, fmt.Sprint(value), path}
		default:
			return fault.Errorf(fault.Usage, "defaults of %q: %s is no text and no number", path, name)
		}
		if !known {
			return fault.New(fault.Usage, "`oc rebuild config` lists what can be set.",
				fmt.Errorf("defaults of %q: there is nothing called %q", path, name))
		}
		if inTree && !safe {
			return fault.New(fault.Usage, "Set it in your own file, by "+variable(name)+" or with --"+name+".",
				fmt.Errorf("defaults of %q: %s cannot be set by a file inside a working tree, which anybody may have written", path, name))
		}
	}
	return nil
}

// applyDefaults sets the flags that the command line does not, and says what a file in the working tree decides.
func applyDefaults(streams Streams, flags *pflag.FlagSet) error {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(settable())),
		func(name string) bool { return flags.Lookup(name) != nil }) {
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
		flag := flags.Lookup(name)
		if flag == nil || flag.Changed {
			continue
		}
		if err := flag.Value.Set(found[name].Value); err != nil {
			return fault.Errorf(fault.Usage, "%s of %s: %q: %w", name, found[name].From, found[name].Value, err)
		}
		if filepath.Base(found[name].From) == treeFile {
			streams.once(fmt.Sprintf("--%s %s, says %s", name, found[name].Value, found[name].From))
		}
	}
	return nil
}

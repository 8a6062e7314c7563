package gitconfig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	maxIncludes  = 10  // files that include each other, as in git
	maxFromShell = 256 // variables of GIT_CONFIG_COUNT
)

// Config is the user's configuration: later entries win.
type Config struct {
	entries []Entry
	home    string
}

// Load reads the system's file, the user's files and the variables GIT_CONFIG_COUNT, GIT_CONFIG_KEY_n and
// GIT_CONFIG_VALUE_n, from where git reads them. getenv is os.Getenv but in tests. A file that is not there is no
// error.
func Load(getenv func(string) string) (*Config, error) {
	c := &Config{home: getenv("HOME")}
	for _, path := range files(getenv) {
		if err := c.file(path, getenv("HOME"), 0); err != nil {
			return nil, fmt.Errorf("reading git configuration: %w", err)
		}
	}
	if err := c.environment(getenv); err != nil {
		return nil, fmt.Errorf("reading git configuration: %w", err)
	}
	return c, nil
}

func files(getenv func(string) string) []string {
	var paths []string
	if no, _ := strconv.ParseBool(getenv("GIT_CONFIG_NOSYSTEM")); !no {
		if system := getenv("GIT_CONFIG_SYSTEM"); system != "" {
			paths = append(paths, system)
		} else {
			paths = append(paths, "/etc/gitconfig")
		}
	}
	if global := getenv("GIT_CONFIG_GLOBAL"); global != "" {
		return append(paths, global)
	}
	home, xdg := getenv("HOME"), getenv("XDG_CONFIG_HOME")
	if xdg == "" && home != "" {
		xdg = filepath.Join(home, ".config")
	}
	if xdg != "" {
		paths = append(paths, filepath.Join(xdg, "git", "config"))
	}
	if home != "" {
		paths = append(paths, filepath.Join(home, ".gitconfig"))
	}
	return paths
}

func (c *Config) file(path, home string, depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("%q: more than %d files include each other", path, maxIncludes)
	}
	text, err := regular.Read(path, maxFileSize)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) || path == os.DevNull {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := Parse(string(text))
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	for _, e := range entries {
		if e.Section != "include" || e.Subsection != "" || e.Name != "path" {
			c.entries = append(c.entries, e)
			continue
		}
		included := expand(e.Value, home)
		if !filepath.IsAbs(included) {
			included = filepath.Join(filepath.Dir(path), included)
		}
		if err := c.file(included, home, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func expand(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

func (c *Config) environment(getenv func(string) string) error {
	text := getenv("GIT_CONFIG_COUNT")
	if text == "" {
		return nil
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 || count > maxFromShell {
		return fmt.Errorf("GIT_CONFIG_COUNT is %q", text)
	}
	for i := range count {
		key := getenv(fmt.Sprintf("GIT_CONFIG_KEY_%d", i))
		first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
		if first <= 0 || last == len(key)-1 {
			return fmt.Errorf("GIT_CONFIG_KEY_%d is %q", i, key)
		}
		e := Entry{Section: strings.ToLower(key[:first]), Name: strings.ToLower(key[last+1:]),
			Value: getenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i))}
		if last > first {
			e.Subsection = key[first+1 : last]
		}
		c.entries = append(c.entries, e)
	}
	return nil
}

// InsteadOf rewrites an address by the longest url.<base>.insteadOf that it begins with.
func (c *Config) InsteadOf(address string) (rewritten string, ok bool) {
	longest := ""
	rewritten = address
	for _, e := range c.entries {
		if e.Section == "url" && e.Name == "insteadof" && e.Value != "" && len(e.Value) >= len(longest) &&
			strings.HasPrefix(address, e.Value) {
			longest, rewritten, ok = e.Value, e.Subsection+strings.TrimPrefix(address, e.Value), true
		}
	}
	return rewritten, ok
}

// Helpers returns the values of credential.helper and credential.<url>.helper that apply to an address. An empty
// value forgets those before it.
func (c *Config) Helpers(u giturl.URL) []string {
	var helpers []string
	for _, e := range c.matching("credential", "helper", u) {
		if e.Value == "" {
			helpers = nil
			continue
		}
		helpers = append(helpers, e.Value)
	}
	return helpers
}

// ForURL returns the last value of a variable such as http.proxy or http.<url>.proxy that applies to an address.
func (c *Config) ForURL(section, name string, u giturl.URL) string {
	value := ""
	for _, e := range c.matching(section, name, u) {
		value = e.Value
	}
	return value
}

func (c *Config) matching(section, name string, u giturl.URL) []Entry {
	var found []Entry
	for _, e := range c.entries {
		if e.Section == section && e.Name == name && (e.Subsection == "" || applies(e.Subsection, u)) {
			found = append(found, e)
		}
	}
	return found
}

// applies tells whether the URL of a subsection names the same scheme and host as u, and a path that u's path is at
// or below.
func applies(pattern string, u giturl.URL) bool {
	scheme, rest, ok := strings.Cut(pattern, "://")
	if !ok || scheme != u.Scheme {
		return false
	}
	host, path, _ := strings.Cut(rest, "/")
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
	}
	path = strings.TrimSuffix("/"+path, "/")
	return strings.EqualFold(host, u.Host) && (u.Path == path || strings.HasPrefix(u.Path, path+"/"))
}

// Get returns the last value of a variable without subsection, "" if there is none.
func (c *Config) Get(section, name string) string {
	value := ""
	for _, e := range c.entries {
		if e.Section == section && e.Subsection == "" && e.Name == name {
			value = e.Value
		}
	}
	return value
}

// Expand replaces ~/ at the beginning of a path by the user's home directory.
func (c *Config) Expand(path string) string { return expand(path, c.home) }

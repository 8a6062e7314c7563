package playground

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Env returns the variables that make oc-rebuild, git and the distribution's container tools use this playground and
// nothing of the user: HOME, the XDG directories, and the configuration of registries, git and container storage.
func (p *Playground) Env() []string {
	home := p.home()
	return []string{
		"HOME=" + home,
		"XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
		"XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
		"XDG_DATA_HOME=" + filepath.Join(home, ".local", "share"),
		"XDG_RUNTIME_DIR=" + filepath.Join(p.Dir, "run"),
		"TMPDIR=" + filepath.Join(p.Dir, "tmp"),
		"CONTAINERS_CONF=" + filepath.Join(home, ".config", "containers", "containers.conf"),
		"CONTAINERS_REGISTRIES_CONF=" + filepath.Join(home, ".config", "containers", "registries.conf"),
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(home, ".config", "containers", "storage.conf"),
		"REGISTRY_AUTH_FILE=" + p.AuthFile(),
		"GIT_CONFIG_GLOBAL=" + filepath.Join(home, ".gitconfig"),
		"GIT_CONFIG_NOSYSTEM=1",
	}
}

// AuthFile is the file with the credentials for registries. It begins empty.
func (p *Playground) AuthFile() string {
	return filepath.Join(p.home(), ".config", "containers", "auth.json")
}

// CacheDir is where Env makes oc-rebuild keep what outlives a run.
func (p *Playground) CacheDir() string { return filepath.Join(p.home(), ".cache", "oc-rebuild") }

// StorageRoot is where Env makes container tools keep images.
func (p *Playground) StorageRoot() string {
	if p.storage != "" {
		return p.storage
	}
	return filepath.Join(p.home(), ".local", "share", "containers", "storage")
}

// SetStorage makes Env point at another storage: a directory, or "" for one below the playground's.
func (p *Playground) SetStorage(dir string) error {
	p.storage = dir
	return p.writeSettings()
}

func (p *Playground) home() string { return filepath.Join(p.Dir, "home") }

func (p *Playground) writeSettings() error {
	config := filepath.Join(p.home(), ".config", "containers")
	for _, dir := range []string{config, filepath.Join(p.Dir, "tmp"), filepath.Join(p.Dir, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		filepath.Join(config, "registries.conf"): p.registries(),
		filepath.Join(config, "storage.conf"):    p.storageConf(),
		// no program of a distribution's is needed
		filepath.Join(config, "containers.conf"): "[engine]\nhelper_binaries_dir = []\n",
		p.AuthFile():                             "{}\n",
		filepath.Join(p.home(), ".gitconfig"): fmt.Sprintf(
			"[url %q]\n\tinsteadOf = https://github.com/\n[user]\n\tname = Playground\n\temail = playground@example.com\n", p.Git.URL),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// registries sends the names that payloads and Dockerfiles use to the registry of the playground. The host becomes
// the first part of the repository's name there.
func (p *Playground) registries() string {
	var b strings.Builder
	b.WriteString("unqualified-search-registries = []\n")
	for _, host := range []string{"registry.ci.openshift.org", "quay.io", "registry.access.redhat.com", "docker.io"} {
		fmt.Fprintf(&b, "\n[[registry]]\nprefix = %q\nlocation = \"%s/%s\"\ninsecure = true\n", host,
			p.Registry.Host, host)
	}
	fmt.Fprintf(&b, "\n[[registry]]\nlocation = %q\ninsecure = true\n", p.Registry.Host)
	return b.String()
}

func (p *Playground) storageConf() string {
	return fmt.Sprintf("[storage]\ndriver = %q\nrunroot = %q\ngraphroot = %q\n",
		storageDriver(p.Dir), p.StorageRoot()+"-run", p.StorageRoot())
}

// storageDriver is overlay wherever that can work: not on top of another overlay, which is what a container's root
// often is.
func storageDriver(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "vfs"
	}
	return "overlay"
}

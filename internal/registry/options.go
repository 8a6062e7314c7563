package registry

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxCertificates is the largest bundle of certificates, in bytes.
const maxCertificates = 16 << 20

// ScratchPrefix begins the name of a client's directory in $TMPDIR, which Client.Close removes.
const ScratchPrefix = "oc-rebuild-registry-"

// Options say how registries are reached. The zero value is what podman does on a machine without any configuration.
type Options struct {
	// auth.json with credentials; "" = REGISTRY_AUTH_FILE, then podman's search order
	AuthFile             string
	Insecure             bool     // no TLS verification, and plain http where https is not answered
	CertificateAuthority string   // PEM bundle trusted besides the system's
	MirrorFiles          []string // ImageDigestMirrorSet, ImageTagMirrorSet or ImageContentSourcePolicy yaml files
	// policy.json; "" = the user's or system's if there is one, else unsigned images are accepted
	SignaturePolicy string
	Platform        string        // "os/arch[/variant]" chosen from manifest lists; "" = linux/<arch of this machine>
	PlatformFrom    string        // the variable or file that has Platform, for advice; "" = whoever runs the program
	Attempts        int           // how often a request that a registry failed is tried; 0 = 8
	Delay           time.Duration // pause before the second attempt, doubled for each further one; 0 = 250ms
	// how long a registry or a credential helper may be silent; 0 = 30s, of a helper twice that
	Patience time.Duration

	// Notice is told what a request waits for when that takes long. It is called from several goroutines; nil = nobody
	// is told.
	Notice func(text string)
}

// Client reads and writes images. It is safe for concurrent use and remembers what it learned: open connections by
// repository, and which repository holds which blob. Close it to end connections and to remove its temporary files.
type Client struct {
	options Options
	system  *types.SystemContext
	scratch string            // directory for generated configuration; "" = none was needed
	alive   *flock.Lock       // on scratch, so that nobody takes it for one that a killed program left
	policy  *signature.Policy // nil = anything is accepted

	mu           sync.Mutex
	repositories map[string]*repository // by repository name
	readers      map[string]*reader     // see Client.reader
	registries   map[address]*distribution.Registry
	places       map[location]string  // the path of a repository that a blob was seen in
	opened       []types.ImageSource  // by image/v5
	noticed      map[string]time.Time // when something was last said of a host
}

// New returns a client for the options. Files that they name must exist.
func New(o Options) (*Client, error) {
	if o.Attempts == 0 {
		o.Attempts = 8
	}
	if o.Delay == 0 {
		o.Delay = 250 * time.Millisecond
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	system := &types.SystemContext{BigFilesTemporaryDir: os.Getenv("TMPDIR")} // "" = /var/tmp
	c := &Client{options: o, system: system, repositories: map[string]*repository{}, readers: map[string]*reader{},
		registries: map[address]*distribution.Registry{}, places: map[location]string{},
		noticed: map[string]time.Time{}}
	for _, step := range []func() error{c.setPlatform, c.setAuthFile, c.checkHelpers, c.setProxy, c.setTrust, c.setMirrors,
		c.setPolicy, c.loadPolicy} {
		if err := step(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// SystemContext returns a copy of the settings in the form that go.podman.io/image, buildah and storage take. It names
// temporary files of the client: use it only while the client is open.
func (c *Client) SystemContext() *types.SystemContext {
	system := *c.system
	return &system
}

// Close ends open connections and removes temporary files.
func (c *Client) Close() error {
	c.mu.Lock()
	opened, registries, scratch := c.opened, c.registries, c.scratch
	c.opened, c.registries, c.scratch = nil, map[address]*distribution.Registry{}, ""
	c.mu.Unlock()
	var errs []error
	for _, source := range opened {
		errs = append(errs, source.Close())
	}
	for _, registry := range registries {
		registry.Close()
	}
	if scratch != "" {
		errs = append(errs, os.RemoveAll(scratch), c.alive.Release())
	}
	return errors.Join(errs...)
}

// DefaultPlatform is what images are chosen for where Options.Platform is empty.
func DefaultPlatform() string { return "linux/" + runtime.GOARCH }

func (c *Client) setPlatform() error {
	platform, err := ParsePlatform(cmp.Or(c.options.Platform, DefaultPlatform()))
	c.system.OSChoice, c.system.ArchitectureChoice, c.system.VariantChoice = platform.OS, platform.Architecture,
		platform.Variant
	return err
}

func (c *Client) setAuthFile() error {
	path := c.options.AuthFile
	if path == "" {
		path = os.Getenv("REGISTRY_AUTH_FILE")
	}
	if path == "" {
		return nil
	}
	if _, err := regular.Read(path, maxAuthFile); err != nil { // image/v5 would wait for a named pipe
		return fault.New(fault.Usage, "", fmt.Errorf("reading the auth file: %w", err))
	}
	c.system.AuthFilePath = path
	return nil
}

// setTrust applies --insecure and the certificate bundle. image/v5 takes a directory of certificates, so the bundle
// gets one of its own.
func (c *Client) setTrust() error {
	if c.options.Insecure {
		c.system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
		c.system.OCIInsecureSkipTLSVerify = true
	}
	if c.options.CertificateAuthority == "" {
		return nil
	}
	pem, err := regular.Read(c.options.CertificateAuthority, maxCertificates)
	if err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("reading the certificate authority bundle: %w", err))
	}
	path, err := c.write("certificates", "ca.crt", pem)
	if err != nil {
		return err
	}
	c.system.DockerCertPath = filepath.Dir(path)
	return nil
}

// setPolicy names a signature policy. Without one on the machine, image/v5 refuses to copy anything; a fresh machine
// accepts unsigned images.
func (c *Client) setPolicy() error {
	if path := c.options.SignaturePolicy; path != "" {
		if _, err := regular.Read(path, maxMirrorFile); err != nil {
			return fault.New(fault.Usage, "", fmt.Errorf("reading the signature policy: %w", err))
		}
		c.system.SignaturePolicyPath = path
		return nil
	}
	if hasDefaultPolicy() {
		return nil
	}
	path, err := c.write("policy", "policy.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	c.system.SignaturePolicyPath = path
	return err
}

// hasDefaultPolicy tells whether image/v5 would find a policy.json by itself.
func hasDefaultPolicy() bool {
	paths := []string{"/etc/containers/policy.json", "/usr/share/containers/policy.json"}
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "containers", "policy.json"))
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// write stores generated configuration in a directory of its own under the client's scratch directory, and returns the
// file's path.
func (c *Client) write(directory, name string, data []byte) (string, error) {
	if c.scratch == "" {
		scratch, alive, err := flock.MakeHeld(os.TempDir(), ScratchPrefix)
		if err != nil {
			return "", fmt.Errorf("making a directory for registry configuration: %w", err)
		}
		c.scratch, c.alive = scratch, alive
	}
	path := filepath.Join(c.scratch, directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("writing registry configuration: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("writing registry configuration: %w", err)
	}
	return path, nil
}

package registry

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/pkg/tlsclientconfig"
	"go.podman.io/storage/pkg/configfile"
	"go.podman.io/storage/pkg/unshare"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// dockerHub is the host of the registry that pull specs call docker.io.
const dockerHub = "registry-1.docker.io"

// address is where a registry is, and whether it must show a certificate.
type address struct {
	domain   string
	insecure bool
}

// dial returns a repository to write to, as image/v5 would reach it: registries.conf may block it or call it insecure,
// but does not send it elsewhere, since mirrors are for pulling.
func (c *Client) dial(named reference.Named) (*distribution.Repository, error) {
	found, err := sysregistriesv2.FindRegistry(c.system, named.Name())
	if err != nil {
		return nil, fmt.Errorf("reading the registries configuration: %w", err)
	}
	to := address{domain: reference.Domain(named)}
	if found != nil {
		if found.Blocked {
			return nil, fmt.Errorf("registries.conf blocks %q", named.Name())
		}
		to.insecure = found.Insecure
	}
	if c.options.Insecure {
		to.insecure = true
	}
	registry, err := c.registry(to)
	if err != nil {
		return nil, err
	}
	return registry.Repository(reference.Path(named), c.login(named)), nil
}

// registry returns the client's connections to a registry.
func (c *Client) registry(to address) (*distribution.Registry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if registry, ok := c.registries[to]; ok {
		return registry, nil
	}
	transport, err := c.transport(to)
	if err != nil {
		return nil, err
	}
	host := to.domain
	if host == "docker.io" {
		host = dockerHub
	}
	c.registries[to] = distribution.NewRegistry(host, to.insecure, transport)
	return c.registries[to], nil
}

// idle is how many connections to a registry are kept for further requests.
const idle = 16

func (c *Client) transport(to address) (http.RoundTripper, error) {
	transport := tlsclientconfig.NewTransport()
	transport.MaxIdleConnsPerHost = idle
	limited := &patient{transport, c.options.Patience, c.notice}
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: to.insecure}
	if c.system.DockerProxy != nil {
		transport.Proxy = func(request *http.Request) (*url.URL, error) { return c.system.DockerProxy(request.URL) }
	}
	directory, err := c.certificates(to.domain)
	if err != nil || directory == "" {
		return limited, err
	}
	if err := tlsclientconfig.SetupCertificates(directory, transport.TLSClientConfig); err != nil {
		return nil, fmt.Errorf("reading the certificates for %q: %w", to.domain, err)
	}
	return limited, nil
}

// notice says that a host lets a request wait, not more than once in a while.
func (c *Client) notice(host string, waited time.Duration) {
	c.mu.Lock()
	last := c.noticed[host]
	told := c.options.Notice == nil || time.Since(last) < c.options.Patience/2
	if !told {
		c.noticed[host] = time.Now()
	}
	c.mu.Unlock()
	if !told {
		c.options.Notice(fmt.Sprintf("waiting for %s, which has been silent for %s", host, waited.Round(time.Second)))
	}
}

// certificates returns the directory with certificates for a registry: that of the options, else the first certs.d that
// has one for it. "" is none.
func (c *Client) certificates(domain string) (string, error) {
	if c.system.DockerCertPath != "" {
		return c.system.DockerCertPath, nil
	}
	paths, err := configfile.GetSearchPaths(&configfile.File{Name: "certs", Extension: "d",
		DoNotUseExtensionForConfigName: true,
		UserId:                         unshare.GetRootlessUID()})
	if err != nil {
		return "", fmt.Errorf("looking for certificates: %w", err)
	}
	for _, parent := range append(paths.DropInDirectories, "/etc/docker/certs.d") {
		directory := filepath.Join(parent, domain)
		if _, err := os.Stat(directory); err == nil {
			return directory, nil
		}
	}
	return "", nil
}

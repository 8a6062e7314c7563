package registry

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.podman.io/image/v5/pkg/sysregistriesv2"
)

// setProxy makes image/v5 ask before each request how to send it. Without --insecure a request without TLS is
// refused, unless registries.conf calls its host insecure: a registry that is reached over TLS could otherwise name a
// token service, a place for uploads or another address that gets its credentials in the clear.
func (c *Client) setProxy() error {
	if c.options.Insecure {
		return nil
	}
	c.system.DockerProxy = func(u *url.URL) (*url.URL, error) {
		if u.Scheme != "https" && !c.insecureHost(u.Host) {
			return nil, fmt.Errorf("a request to %q without TLS is refused: the registry sends there, and registries.conf does not allow it", u.Host)
		}
		return http.ProxyFromEnvironment(&http.Request{URL: u})
	}
	return nil
}

// insecureHost tells whether registries.conf allows plain http to a host, as a registry or as a mirror of one.
func (c *Client) insecureHost(host string) bool {
	registries, err := sysregistriesv2.GetRegistries(c.system)
	if err != nil {
		return false
	}
	for _, r := range registries {
		for _, endpoint := range append([]sysregistriesv2.Endpoint{r.Endpoint,
			{Location: r.Prefix, Insecure: r.Insecure}}, r.Mirrors...) {
			domain, _, _ := strings.Cut(endpoint.Location, "/")
			suffix, wild := strings.CutPrefix(domain, "*")
			if endpoint.Insecure && domain != "" && (domain == host || wild && strings.HasSuffix(host, suffix)) {
				return true
			}
		}
	}
	return false
}

package registry_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestUploadsThatLeaveTLS lets a registry that is reached over TLS name a place for uploads that speaks plain http.
func TestUploadsThatLeaveTLS(t *testing.T) {
	r, other := payloadtest.NewRegistry(t), newThief(t)
	host, certificate := secure(t, r)
	bundle := t.TempDir() + "/ca.pem"
	check(t, writeFile(bundle, certificate))
	for _, status := range []int{http.StatusAccepted, http.StatusTemporaryRedirect} {
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			if request.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Location", other.url+"/v2/a/b/blobs/uploads/1")
			w.WriteHeader(status)
			return true
		})
		client, err := registry.New(registry.Options{CertificateAuthority: bundle, Attempts: 1})
		check(t, err)
		if err := put(context.Background(), client, host+"/a/b:c"); fault.KindOf(err) != fault.Publish ||
			!strings.Contains(err.Error(), "without TLS") {
			t.Errorf("on %d: %v", status, err)
		}
		check(t, client.Close())
	}
	if other.requests > 0 {
		t.Errorf("the place without TLS got %d requests", other.requests)
	}
}

// TestTokenServiceWithoutTLS sends the credentials of a registry that is reached over TLS to a token service that
// speaks plain http.
func TestTokenServiceWithoutTLS(t *testing.T) {
	r, other := payloadtest.NewRegistry(t), newThief(t)
	host, certificate := secure(t, r)
	directory := t.TempDir()
	check(t, writeFile(directory+"/ca.pem", certificate))
	check(t, writeFile(directory+"/auth.json", `{"auths":{"`+host+`":{"auth":"Y2FuYXJ5OnNlY3JldA=="}}}`))
	for _, realm := range []string{other.url + "/token", "http://169.254.169.254/latest/meta-data",
		"file:///etc/passwd"} {
		r.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		client, err := registry.New(registry.Options{CertificateAuthority: directory + "/ca.pem",
			AuthFile: directory + "/auth.json",
			Attempts: 1})
		check(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err = client.Image(ctx, host+"/a/b:c")
		if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("realm %s: %v", realm, err)
		}
		cancel()
		check(t, client.Close())
	}
	if other.requests > 0 {
		t.Errorf("a token service without TLS got %d requests, with credentials %q", other.requests, other.headers)
	}
}

// TestHostsThatNeedNoTLS reads from a registry that speaks plain http: registries.conf allows it, for a registry, its
// mirror or a domain.
func TestHostsThatNeedNoTLS(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	_, digest, _ := strings.Cut(spec, "@")
	for name, test := range map[string]struct {
		conf, spec string
		ok         bool
	}{
		"a registry": {"[[registry]]\nlocation = \"" + r.Host + "\"\ninsecure = true\n", spec, true},
		"another name": {"[[registry]]\nprefix = \"x.invalid\"\nlocation = \"" + r.Host + "/a\"\ninsecure = true\n",
			"x.invalid/b@" + digest, true},
		"a mirror": {"[[registry]]\nlocation = \"x.invalid\"\n[[registry.mirror]]\nlocation = \"" + r.Host +
			"/a\"\ninsecure = true\n", "x.invalid/b@" + digest, true},
		"another registry":   {"[[registry]]\nlocation = \"x.invalid\"\ninsecure = true\n", spec, false},
		"no registry at all": {"", spec, false},
	} {
		t.Run(name, func(t *testing.T) {
			conf := t.TempDir() + "/registries.conf"
			check(t, writeFile(conf, test.conf))
			t.Setenv("CONTAINERS_REGISTRIES_CONF", conf)
			sysregistriesv2.InvalidateCache()
			t.Cleanup(sysregistriesv2.InvalidateCache)
			client, err := registry.New(registry.Options{Platform: "linux/amd64", Attempts: 1})
			check(t, err)
			defer client.Close()
			if _, err := client.Image(context.Background(), test.spec); (err == nil) != test.ok {
				t.Errorf("Image: %v", err)
			}
		})
	}
}

package registry_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// configured makes registries.conf say text.
func configured(t *testing.T, text string) {
	t.Helper()
	conf := t.TempDir() + "/registries.conf"
	check(t, writeFile(conf, text))
	t.Setenv("CONTAINERS_REGISTRIES_CONF", conf)
	sysregistriesv2.InvalidateCache()
	t.Cleanup(sysregistriesv2.InvalidateCache)
}

// TestPushesOverTLS pushes to a registry with a certificate that only the options, or a directory of the user's, know.
func TestPushesOverTLS(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	host, certificate := secure(t, r)
	bundle := t.TempDir() + "/ca.pem"
	check(t, writeFile(bundle, certificate))
	home := t.TempDir()
	certs := filepath.Join(home, "containers", "certs.d", host)
	check(t, os.MkdirAll(certs, 0o700))
	check(t, writeFile(certs+"/own.crt", certificate))
	tests := []struct {
		description, home string
		options           registry.Options
		ok                bool
	}{
		{"unknown", "/does/not/exist", registry.Options{}, false},
		{"--certificate-authority", "/does/not/exist", registry.Options{CertificateAuthority: bundle}, true},
		{"--insecure", "/does/not/exist", registry.Options{Insecure: true}, true},
		{"certs.d", home, registry.Options{}, true},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			t.Setenv("XDG_CONFIG_HOME", test.home)
			client, err := registry.New(test.options)
			check(t, err)
			defer client.Close()
			err = put(context.Background(), client, host+"/a/b:c")
			if (err == nil) != test.ok || err != nil &&
				(fault.KindOf(err) != fault.Publish || !strings.Contains(err.Error(), "certificate")) {
				t.Errorf("kind %d: %v", fault.KindOf(err), err)
			}
		})
	}
}

// TestPushesWithoutTLS pushes to a registry that speaks plain http: registries.conf allows it, or blocks it, and
// mirrors are not written to.
func TestPushesWithoutTLS(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	for description, test := range map[string]struct{ conf, want string }{
		"insecure":            {"[[registry]]\nlocation = \"" + r.Host + "\"\ninsecure = true\n", ""},
		"insecure repository": {"[[registry]]\nlocation = \"" + r.Host + "/a\"\ninsecure = true\n", ""},
		"another repository": {"[[registry]]\nlocation = \"" + r.Host + "/b\"\ninsecure = true\n",
			"HTTP response to HTTPS client"},
		"nothing": {"", "HTTP response to HTTPS client"},
		"blocked": {"[[registry]]\nlocation = \"" + r.Host + "\"\ninsecure = true\nblocked = true\n", "blocks"},
		"a mirror elsewhere": {"[[registry]]\nlocation = \"" + r.Host +
			"\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"127.0.0.1:1\"\n" +
			"insecure = true\n", ""},
	} {
		t.Run(description, func(t *testing.T) {
			configured(t, test.conf)
			client, err := registry.New(registry.Options{Attempts: 1})
			check(t, err)
			defer client.Close()
			err = put(context.Background(), client, r.Host+"/a/b:c")
			if (err == nil) != (test.want == "") || err != nil &&
				(fault.KindOf(err) != fault.Publish || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("kind %d: %v", fault.KindOf(err), err)
			}
		})
	}
}

// TestRegistriesThatDoNotKnowTheirTLS sends the upload to the registry's own address without TLS, as one does behind
// a proxy that it does not know of: the upload keeps TLS.
func TestRegistriesThatDoNotKnowTheirTLS(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	host, certificate := secure(t, r)
	directory := t.TempDir()
	check(t, writeFile(directory+"/ca.pem", certificate))
	check(t, writeFile(directory+"/auth.json", `{"auths":{"`+host+`":{`+login()+`}}}`))
	var without int
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Header.Get("Authorization") == "" {
			without++
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if request.Method != http.MethodPost {
			return false
		}
		w.Header().Set("Location", "http://"+host+"/v2/a/b/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
		return true
	})
	client, err := registry.New(registry.Options{CertificateAuthority: directory + "/ca.pem",
		AuthFile: directory + "/auth.json"})
	check(t, err)
	defer client.Close()
	check(t, put(context.Background(), client, host+"/a/b:c"))
	if without != 1 {
		t.Errorf("%d requests came without credentials, want the first one", without)
	}
}

// TestTokenServiceWithoutTLSForPushes sends the credentials of a registry that is reached over TLS to a token service
// that speaks plain http, which not even --insecure allows.
func TestTokenServiceWithoutTLSForPushes(t *testing.T) {
	r, other := payloadtest.NewRegistry(t), newThief(t)
	host, certificate := secure(t, r)
	directory := t.TempDir()
	check(t, writeFile(directory+"/ca.pem", certificate))
	check(t, writeFile(directory+"/auth.json", `{"auths":{"`+host+`":{`+login()+`}}}`))
	for _, o := range []registry.Options{{CertificateAuthority: directory + "/ca.pem"}, {Insecure: true}} {
		for _, realm := range []string{other.url + "/token", "http://169.254.169.254/latest/meta-data",
			"file:///etc/passwd", "//x/y", "%"} {
			r.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return true
			})
			o.AuthFile, o.Attempts = directory+"/auth.json", 1
			client, err := registry.New(o)
			check(t, err)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if err := put(ctx, client, host+"/a/b:c"); fault.KindOf(err) != fault.Publish || ctx.Err() != nil ||
				strings.Contains(err.Error(), "cret") {
				t.Errorf("realm %s: kind %d: %v", realm, fault.KindOf(err), err)
			}
			cancel()
			check(t, client.Close())
		}
	}
	if other.requests > 0 {
		t.Errorf("a token service without TLS got %d requests, with credentials %q", other.requests, other.headers)
	}
}

// TestPlainHTTPIsSaid asks a registry without TLS as if it had it.
func TestPlainHTTPIsSaid(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	client, err := registry.New(registry.Options{Platform: "linux/amd64", Delay: time.Millisecond})
	check(t, err)
	defer client.Close()
	if image, err := client.Image(t.Context(), spec); !strings.Contains(fault.AdviceOf(err), "--insecure") {
		t.Errorf("%v: %v, %q", image, err, fault.AdviceOf(err))
	}
}

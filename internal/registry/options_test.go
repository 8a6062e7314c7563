package registry_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// secure serves a registry over TLS with a certificate that nobody knows, and returns its host and the certificate.
func secure(t *testing.T, r *payloadtest.Registry) (host, certificate string) {
	t.Helper()
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Host}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{}
	server.StartTLS()
	t.Cleanup(server.Close)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return strings.TrimPrefix(server.URL, "https://"), string(block)
}

func TestOptionsThatAreWrong(t *testing.T) {
	for _, o := range []registry.Options{{Platform: "linux"}, {Platform: "linux/../x"}, {AuthFile: "/does/not/exist"},
		{CertificateAuthority: "/does/not/exist"}, {MirrorFiles: []string{"/does/not/exist"}},
		{SignaturePolicy: "/does/not/exist"}} {
		if _, err := registry.New(o); fault.KindOf(err) != fault.Usage {
			t.Errorf("New(%+v): %v, want a usage error", o, err)
		}
	}
}

// TestCertificateAuthority reaches a registry with the bundle, and not without it.
func TestCertificateAuthority(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	host, certificate := secure(t, r)
	spec = strings.Replace(spec, r.Host, host, 1)
	bundle := t.TempDir() + "/ca.pem"
	check(t, writeFile(bundle, certificate))
	for _, o := range []registry.Options{{}, {CertificateAuthority: bundle}, {Insecure: true}} {
		client, err := registry.New(o)
		check(t, err)
		_, err = client.Image(context.Background(), spec)
		if ok := o.Insecure || o.CertificateAuthority != ""; (err == nil) != ok {
			t.Errorf("with %+v: %v", o, err)
		}
		check(t, client.Close())
	}
}

// TestMirrors sends a registry that does not exist to a mirror, for digests only, with TLS verified.
func TestMirrors(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "mirrored/b", "c", some(nil).Build(t))
	_, digest, _ := strings.Cut(spec, "@")
	host, certificate := secure(t, r)
	directory := t.TempDir()
	check(t, writeFile(directory+"/ca.pem", certificate))
	rules := map[string]string{
		"idms": "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nspec:\n  imageDigestMirrors:\n" +
			"  - {source: registry.invalid/a, mirrors: [" + host +
			"/mirrored], mirrorSourcePolicy: NeverContactSource}\n",
		"icsp": "apiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nspec:\n  repositoryDigestMirrors:\n" +
			"  - {source: registry.invalid/a/b, mirrors: [" + host + "/mirrored/b]}\n",
	}
	for name, text := range rules {
		t.Run(name, func(t *testing.T) {
			file := directory + "/" + name
			check(t, writeFile(file, text))
			trusting, err := registry.New(registry.Options{MirrorFiles: []string{file},
				CertificateAuthority: directory + "/ca.pem",
				Platform:             "linux/amd64"})
			check(t, err)
			defer trusting.Close()
			image, err := trusting.Image(context.Background(), "registry.invalid/a/b@"+digest)
			if err != nil || image.PullSpec() != "registry.invalid/a/b@"+digest {
				t.Errorf("through the mirror: %v, %v", image, err)
			}
			wary, err := registry.New(registry.Options{MirrorFiles: []string{file}})
			check(t, err)
			defer wary.Close()
			if _, err := wary.Image(context.Background(), "registry.invalid/a/b@"+digest); err == nil ||
				!strings.Contains(err.Error(), "certificate") {
				t.Errorf("a mirror with an unknown certificate: %v", err)
			}
		})
	}
}

// TestCredentialsStayHome answers 401 with a token service on another host: the password of this registry must not
// reach it.
func TestCredentialsStayHome(t *testing.T) {
	var leaked []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		leaked = append(leaked, request.Header.Get("Authorization"))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer thief.Close()
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	_, digest, _ := strings.Cut(spec, "@")
	auth := t.TempDir() + "/auth.json"
	// canary:secret, for another repository of the same registry
	check(t, writeFile(auth, `{"auths":{"`+r.Host+`/other":{"auth":"Y2FuYXJ5OnNlY3JldA=="}}}`))
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+thief.URL+`/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	client, err := registry.New(registry.Options{Insecure: true, AuthFile: auth})
	check(t, err)
	defer client.Close()
	_, err = client.Image(context.Background(), r.Host+"/a/b@"+digest)
	if fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("kind %d: %v", fault.KindOf(err), err)
	}
	for _, header := range leaked {
		if header != "" {
			t.Errorf("a token service got %q, although the credentials are of another repository", header)
		}
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows a password: %v", err)
	}
}

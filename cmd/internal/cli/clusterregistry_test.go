package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster/clustertest"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// TestFindClusterRegistry says what is missing to push into the registry of a cluster.
func TestFindClusterRegistry(t *testing.T) {
	const address = "/apis/config.openshift.io/v1/images/cluster"
	tests := []struct {
		image  string // the cluster's object; "" = there is none
		kind   fault.Kind
		advice string
	}{
		{"", fault.Unresolved, "Name a registry with --to-repository."},
		{"{}", fault.Unresolved, "Name a registry with --to-repository."},
		{"status: {internalRegistryHostname: 'image-registry.svc:5000'}", fault.Unresolved, `"defaultRoute":true`},
		{"status: {internalRegistryHostname: 'image-registry.svc:5000', externalRegistryHostnames: [registry.example.com]}", 0, ""},
	}
	for _, test := range tests {
		server := clustertest.New(t)
		if test.image != "" {
			server.Put(t, address, test.image)
		}
		api, err := cluster.Connect(server.Kubeconfig, "")
		if err != nil {
			t.Fatal(err)
		}
		registry, err := findClusterRegistry(t.Context(), api)
		if fault.KindOf(err) != test.kind || !strings.Contains(fault.AdviceOf(err), test.advice) {
			t.Errorf("with %q: %v (%s), want kind %d and %q", test.image, err, fault.AdviceOf(err),
				test.kind, test.advice)
		}
		if err != nil {
			continue
		}
		if registry.repository() != "registry.example.com/openshift/oc-rebuild" {
			t.Errorf("images go to %q", registry.repository())
		}
		kubeconfig, err := os.ReadFile(server.Kubeconfig)
		if err == nil {
			err = os.WriteFile(server.Kubeconfig, bytes.ReplaceAll(kubeconfig, []byte("token: canary"), nil), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if api, err = cluster.Connect(server.Kubeconfig, ""); err != nil {
			t.Fatal(err)
		}
		var o registryOptions
		err = registry.login(t.Context(), api, &o, t.TempDir())
		if fault.KindOf(err) != fault.Unauthorized || !strings.Contains(fault.AdviceOf(err), "oc login") {
			t.Errorf("login without a token: %v (%s)", err, fault.AdviceOf(err))
		}
	}
}

// TestClusterCertificates are trusted beside those that are named, which may be a default for other registries.
func TestClusterCertificates(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, "/api/v1/namespaces/openshift-config-managed/configmaps/default-ingress-cert",
		"data: {ca-bundle.crt: of the cluster}")
	api, err := cluster.Connect(server.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.crt")
	if err := os.WriteFile(own, []byte("of others"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "of the cluster", own: "of others\nof the cluster"} {
		var o registryOptions
		o.CertificateAuthority = path
		if err := (clusterRegistry{route: "registry.example.com"}).login(t.Context(), api, &o, t.TempDir()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(o.CertificateAuthority); err != nil || string(got) != want {
			t.Errorf("with %q certificates are %q, %v", path, got, err)
		}
	}
}

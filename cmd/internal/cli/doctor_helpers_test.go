package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/machine"
)

func TestHelperFindings(t *testing.T) {
	const secret = "dXNlcjpwYXNzd29yZA=="
	tests := []struct {
		description, auth, registries string
		want                          []string // "STATE program"
	}{
		{"none", `{"auths":{"quay.example":{"auth":"` + secret + `"}}}`, "", nil},
		{"one that is there", `{"credHelpers":{"quay.example":"there"}}`, "", []string{"ok docker-credential-there"}},
		{"one that is missing", `{"auths":{"quay.example":{"auth":"` + secret +
			`"}},"credHelpers":{"quay.example":"missing"}}`, "",
			[]string{"problem docker-credential-missing"}},
		{"of another registry", `{"credHelpers":{"other.example":"missing"}}`, "", nil},
		{"docker's store", `{"credsStore":"there"}`, "", []string{"note docker-credential-there"}},
		{"for all registries", `{}`, `credential-helpers = ["containers-auth.json", "missing"]`,
			[]string{"problem docker-credential-missing"}},
		{"no JSON", `{"auth":"` + secret, "", nil},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			directory := t.TempDir()
			write := func(name, text string, mode os.FileMode) string {
				path := filepath.Join(directory, name)
				if err := os.WriteFile(path, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
				return path
			}
			write("docker-credential-there", "#!/bin/false\n", 0o755)
			t.Setenv("PATH", directory)
			t.Setenv("CONTAINERS_REGISTRIES_CONF", write("registries.conf", test.registries, 0o600))
			sysregistriesv2.InvalidateCache()
			t.Cleanup(sysregistriesv2.InvalidateCache)
			client, err := registry.New(registry.Options{AuthFile: write("auth.json", test.auth, 0o600)})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			findings := helperFindings(client, "quay.example/me/release:tag")
			if len(findings) != len(test.want) {
				t.Fatalf("helperFindings() = %v, want %q", findings, test.want)
			}
			for i, finding := range findings {
				if !strings.HasPrefix(string(finding.State)+" "+finding.Message, test.want[i]) ||
					finding.State == machine.Problem && finding.Advice == "" {
					t.Errorf("helperFindings() = %+v, want %q and what to do", finding, test.want[i])
				}
				if strings.Contains(finding.Message+finding.Advice, secret) {
					t.Errorf("a secret is printed: %+v", finding)
				}
			}
		})
	}
}

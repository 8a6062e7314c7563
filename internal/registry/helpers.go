package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxAuthFile is how much of an auth file is read, in bytes.
const maxAuthFile = 16 << 20

// checkHelpers refuses auth files with a credential helper that is a path. A helper X is the program
// docker-credential-X on PATH; with a slash in X a program below the working directory would run instead.
func (c *Client) checkHelpers() error {
	for _, path := range c.authFiles() {
		for registry, helper := range readHelpers(path).CredHelpers {
			if strings.ContainsAny(helper, `/\`) {
				return fault.New(fault.Usage, "",
					fmt.Errorf("auth file %q: the credential helper %q of %q is a path, not the name of a program",
						path, helper, registry))
			}
		}
	}
	return nil
}

// Helper is a credential helper that some configuration names for a registry.
type Helper struct {
	Program string // docker-credential-…, looked for on PATH
	File    string // what names it; "registries.conf" for whichever of these files counts
	Ignored bool   // docker alone uses it: credsStore
}

// Helpers returns the credential helpers that are configured for what an image reference names, the nearest first. A
// reference of another transport than docker has none.
func (c *Client) Helpers(ref string) ([]Helper, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	named := parsed.DockerReference()
	if parsed.Transport().Name() != docker.Transport.Name() || named == nil {
		return nil, nil
	}
	var found []Helper
	for _, path := range c.authFiles() {
		file := readHelpers(path)
		if helper := file.CredHelpers[reference.Domain(named)]; helper != "" {
			found = append(found, Helper{Program: helperPrefix + helper, File: path})
		}
		if file.CredsStore != "" {
			found = append(found, Helper{Program: helperPrefix + file.CredsStore, File: path, Ignored: true})
		}
	}
	global, err := sysregistriesv2.CredentialHelpers(c.system)
	if err != nil {
		return nil, fmt.Errorf("reading registries.conf: %w", err)
	}
	for _, helper := range global {
		if helper != sysregistriesv2.AuthenticationFileHelper {
			found = append(found, Helper{Program: helperPrefix + helper, File: "registries.conf"})
		}
	}
	return found, nil
}

// helperPrefix begins the names of the programs.
const helperPrefix = "docker-credential-"

// authFiles returns the files that the client takes credentials from, best first. Some may be missing.
func (c *Client) authFiles() []string {
	if c.system.AuthFilePath != "" {
		return []string{c.system.AuthFilePath}
	}
	return authFiles()
}

// helpersFile is what an auth file says of credential helpers.
type helpersFile struct {
	CredHelpers map[string]string `json:"credHelpers"` // by registry
	CredsStore  string            `json:"credsStore"`
}

// readHelpers reads the helpers that an auth file names, and nothing else of it. A file that cannot be read, or is
// not JSON, has none: that is reported when credentials are looked for.
func readHelpers(path string) helpersFile {
	f, err := regular.Open(path)
	if err != nil {
		return helpersFile{}
	}
	defer f.Close()
	var file helpersFile
	if err := json.NewDecoder(io.LimitReader(f, maxAuthFile)).Decode(&file); err != nil {
		return helpersFile{}
	}
	return file
}

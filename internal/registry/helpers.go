package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxAuthFile is how much of an auth file is read, in bytes.
const maxAuthFile = 16 << 20

// checkHelpers refuses auth files with a credential helper that is a path. A helper X is the program docker-credential-X on PATH; with a
// slash in X a program below the working directory would run instead.
func (c *Client) checkHelpers() error {
	paths := authFiles()
	if c.system.AuthFilePath != "" {
		paths = []string{c.system.AuthFilePath}
	}
	for _, path := range paths {
		for registry, helper := range credentialHelpers(path) {
			if strings.ContainsAny(helper, `/\`) {
				return fault.New(fault.Usage, "", fmt.Errorf("auth file %q: the credential helper %q of %q is a path, not the name of a program", path, helper, registry))
			}
		}
	}
	return nil
}

// credentialHelpers returns the helpers that an auth file names, by registry. A file that cannot be read, or is not JSON, has none: that is
// reported when credentials are looked for.
func credentialHelpers(path string) map[string]string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var file struct {
		CredHelpers map[string]string `json:"credHelpers"`
	}
	if err := json.NewDecoder(io.LimitReader(f, maxAuthFile)).Decode(&file); err != nil {
		return nil
	}
	return file.CredHelpers
}

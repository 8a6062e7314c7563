package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// Explain says what was being done to which image when err happened: it names the registry, the repository and, where
// credentials were refused, the auth file that was used. A refusal becomes fault.Unauthorized and a missing image
// fault.Unresolved; other failures keep the class they have. A nil err stays nil.
func (c *Client) Explain(err error, action, ref string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	registry, repository := split(ref)
	if registry == "" {
		return fmt.Errorf("%s %q: %w", action, ref, err)
	}
	wrapped := fmt.Errorf("%s %q (registry %s, repository %s): %w", action, ref, registry, repository, err)
	switch {
	case isUnauthorized(err):
		advice := fmt.Sprintf("Credentials: %s. Log in with \"podman login %s\", or pass an auth file with -a.",
			c.credentials(), registry)
		return fault.New(fault.Unauthorized, advice, wrapped)
	case isNotFound(err):
		return fault.New(fault.Unresolved, "", wrapped)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fault.New(fault.KindOf(err),
			"The registry speaks plain http: pass --insecure if that is intended.", wrapped)
	}
	return wrapped
}

// split returns the registry and the repository of a pull spec, or nothing for other references.
func split(ref string) (registry, repository string) {
	named, err := ParsePullSpec(strings.TrimPrefix(ref, "docker://"))
	if err != nil {
		return "", ""
	}
	return reference.Domain(named), reference.Path(named)
}

// credentials says where the credentials come from, never what they are.
func (c *Client) credentials() string {
	if c.system.AuthFilePath != "" {
		return "from " + c.system.AuthFilePath
	}
	var looked []string
	for _, path := range authFiles() {
		if _, err := os.Stat(path); err == nil {
			return "from " + path
		}
		looked = append(looked, path)
	}
	return "none (no " + strings.Join(looked, ", ") + ")"
}

// authFiles lists where podman and docker keep credentials, in the order in which they are searched.
func authFiles() []string {
	var paths []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "containers", "auth.json"))
	} else {
		paths = append(paths, fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid()))
	}
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "containers", "auth.json"))
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return append(paths, filepath.Join(dir, "config.json"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".docker", "config.json"))
	}
	return paths
}

// unreachable tells whether no connection was made at all.
func unreachable(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial" && httpStatus(err) == 0
}

func isUnauthorized(err error) bool {
	var answer *distribution.Error
	if errors.As(err, &answer) {
		return !answer.Elsewhere && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden)
	}
	var credentials docker.ErrUnauthorizedForCredentials
	if errors.As(err, &credentials) {
		return true
	}
	if code, ok := errorCode(err); ok {
		return code == errcode.ErrorCodeUnauthorized || code == errcode.ErrorCodeDenied
	}
	status := httpStatus(err)
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

func isNotFound(err error) bool {
	if code, ok := errorCode(err); ok {
		return code == v2.ErrorCodeManifestUnknown || code == v2.ErrorCodeNameUnknown || code == v2.ErrorCodeBlobUnknown
	}
	return httpStatus(err) == http.StatusNotFound || errors.Is(err, os.ErrNotExist)
}

func errorCode(err error) (errcode.ErrorCode, bool) {
	var one errcode.Error
	if errors.As(err, &one) {
		return one.Code, true
	}
	var code errcode.ErrorCode
	if errors.As(err, &code) {
		return code, true
	}
	var many errcode.Errors
	if errors.As(err, &many) && len(many) > 0 {
		return errorCode(many[0])
	}
	return 0, false
}

// httpStatus returns the HTTP status that err reports, or 0. image/v5 has an exported type for answers of 500 and
// above; answers of 400 to 499 whose body is not a registry's error are reported in the text only.
func httpStatus(err error) int {
	var answer *distribution.Error
	if errors.As(err, &answer) {
		return answer.Status
	}
	var status docker.UnexpectedHTTPStatusError
	if errors.As(err, &status) {
		return status.StatusCode
	}
	var code int
	if _, rest, ok := strings.Cut(err.Error(), "StatusCode: "); ok {
		if _, err := fmt.Sscanf(rest, "%d", &code); err == nil {
			return code
		}
	}
	return 0
}

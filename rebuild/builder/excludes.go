package builder

import (
	"fmt"
	"os"
	"strings"

	"go.podman.io/buildah/pkg/parse"
)

// excludes returns the patterns of what COPY and ADD leave out: those of the context's .containerignore or
// .dockerignore, and the hidden paths. buildah reads those files only where it is given no patterns.
func excludes(build Build) ([]string, error) {
	if len(build.Hidden) == 0 {
		return nil, nil
	}
	patterns, _, err := parse.ContainerIgnoreFile(build.Context, build.ignoreFile(), nil)
	if err != nil {
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	for _, path := range build.Hidden { // after the others: their exceptions do not bring these back
		patterns = append(patterns, literal(strings.TrimSuffix(path, "/")))
	}
	return patterns, nil
}

// ignoreFile is the file that names what COPY and ADD leave out; "" = that of the context.
func (b Build) ignoreFile() string {
	if b.Whole {
		return os.DevNull
	}
	return ""
}

// literal returns a pattern that matches one path.
func literal(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `!`, `\!`, `#`, `\#`).Replace(path)
}

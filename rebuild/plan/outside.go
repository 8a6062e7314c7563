package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
)

var (
	secretMount    = regexp.Delayed(`--mount=\S*\btype=secret\b\S*`)
	packageInstall = regexp.Delayed(`\b(dnf|yum|microdnf|rpm-ostree)\s+(-\S+\s+)*(install|update|upgrade|builddep|override|compose)\b`)
)

// outside says what a build needs that neither the payload, nor the source, nor a base image brings: secrets that are
// not given, and, for operating systems, which are made of packages, their repositories.
func (u *unit) outside(secrets []string) []string {
	if u.os != nil {
		return u.os.Notes
	}
	var notes []string
	var text []byte
	if u.resolution != nil {
		text = u.resolution.File.Text()
	}
	for number, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, mount := range secretMount.FindAllString(line, -1) {
			if id := secretID(mount); !given(secrets, id) {
				notes = append(notes, fmt.Sprintf("line %d reads the secret %q: pass --secret id=%s,src=FILE",
					number+1, id, id))
			}
		}
		if command := packageInstall.FindString(line); command != "" && osimage.IsName(u.target.Name) {
			notes = append(notes,
				fmt.Sprintf("line %d runs %q: it must reach the package repositories that its base or a secret names",
					number+1, command))
		}
	}
	for _, arg := range u.recipe.BuildArgs {
		if strings.Contains(arg.Name, "REPO") && arg.Value != "" {
			notes = append(notes,
				fmt.Sprintf("the build argument %s names package repositories that the build must reach: %s",
					arg.Name, arg.Value))
		}
	}
	slices.Sort(notes)
	return slices.Compact(notes)
}

// secretID returns the name of the secret that a RUN --mount=type=secret asks for.
func secretID(mount string) string {
	id := ""
	for option := range strings.SplitSeq(strings.TrimPrefix(mount, "--mount="), ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "id":
			return value
		case "target", "dst", "destination":
			id = path.Base(value)
		}
	}
	return id
}

// given reports whether the command line has a secret of that name.
func given(secrets []string, id string) bool {
	return slices.ContainsFunc(secrets, func(secret string) bool {
		return slices.Contains(strings.Split(secret, ","), "id="+id)
	})
}

package playground

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source says how the image of a component that really builds comes out of its repository, without a container: what
// the Dockerfile does, for the image that the payload has from the start.
type source struct {
	Component, Repository string
	Package               string            // the Go package of the program; "" for a component without one
	LDFlags               string            // HASH stands for the commit
	Program               string            // where the image has the program
	Files                 map[string]string // directory of the image: directory of the repository
	Base                  string            // a component that the image is built on; "" for the base image
}

func sources() []source {
	return []source{{
		Component:  "machine-config-operator",
		Repository: "openshift/machine-config-operator",
		Package:    "./cmd/machine-config-operator",
		LDFlags:    "-s -w -X main.version=v4.17.0 -X main.hash=HASH",
		Program:    "usr/bin/machine-config-operator",
		Files:      map[string]string{"manifests": "install"},
	}, {
		Component:  "coredns",
		Repository: "openshift/coredns",
		Package:    ".",
		LDFlags:    "-s -w",
		Program:    "usr/bin/coredns",
	}, {
		Component:  "cluster-config-api",
		Repository: "openshift/api",
		Files:      map[string]string{"usr/share/bootstrap/manifests": "payload-manifests/crds"},
	}, {
		Component:  "cluster-config-operator",
		Repository: "openshift/cluster-config-operator",
		Package:    "./cmd/cluster-config-operator",
		LDFlags:    "-s -w",
		Program:    "usr/bin/cluster-config-operator",
		Files:      map[string]string{"manifests": "manifests"},
		Base:       "cluster-config-api",
	}}
}

// commits returns the commit that the payload was built from, by repository.
func commits(ctx context.Context, gitRoot string) (map[string]string, error) {
	heads := map[string]string{}
	for _, s := range sources() {
		head, err := gitOutput(ctx, filepath.Join(gitRoot, s.Repository+".git"), nil, "rev-parse",
			"refs/heads/release-4.17")
		if err != nil {
			return nil, fmt.Errorf("reading the release branch of %s: %w", s.Repository, err)
		}
		heads[s.Repository] = head
	}
	return heads, nil
}

// build checks the source out below dir, compiles the program with the host's Go and returns the files of the image.
func (s source) build(ctx context.Context, gitRoot, dir, commit string) ([]file, error) {
	tree := filepath.Join(dir, s.Component)
	origin := filepath.Join(gitRoot, s.Repository+".git")
	if err := git(ctx, "", nil, "clone", "--quiet", "--branch", "release-4.17", origin, tree); err != nil {
		return nil, err
	}
	var files []file
	for to, from := range s.Files {
		entries, err := os.ReadDir(filepath.Join(tree, from))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			data, err := os.ReadFile(filepath.Join(tree, from, entry.Name()))
			if err != nil {
				return nil, err
			}
			files = append(files, file{Name: to + "/" + entry.Name(), Data: data})
		}
	}
	if s.Package == "" {
		return files, nil
	}
	program := filepath.Join(dir, s.Component+".bin")
	ldflags := strings.ReplaceAll(s.LDFlags, "HASH", commit)
	if err := goCommand(ctx, tree, nil, "build", "-trimpath", "-ldflags", ldflags, "-o", program,
		s.Package); err != nil {
		return nil, fmt.Errorf("building %s: %w", s.Component, err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	return append(files, file{Name: s.Program, Data: data, Mode: 0o755}), nil
}

// goCommand runs the host's Go as the builder image runs it: without cgo, without network, and without the user's
// settings.
func goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOPROXY=off",
		"GOTOOLCHAIN=local", "GO111MODULE=on",
		"GOENV=off")
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", args[0], err, out)
	}
	return nil
}

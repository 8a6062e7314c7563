package extract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Tools says which client tools to take out of a release, and where to.
type Tools struct {
	Directory  string // where they go; made if it is not there
	Command    string // one command; "" = all tools, as archives
	Platform   string // os, os/arch or *; "" = this machine's for one command, all for all tools
	Summary    string // text of the release that release.txt ends with
	SigningKey *Signer
	Warn       func(string) // is told what is odd; may be nil
}

// archives tells whether the tools are packed into archives with a list of checksums, as they are published.
func (t Tools) archives() bool { return t.Command == "" || t.Platform == "*" }

// Extract takes the tools out of the release, writes its pull spec, version and architecture into those that want it,
// signs what macOS wants signed, and returns the names of the files that were written. Each layer of the release's
// images is read at most once. Tools of components that the release does not have are left out, unless one was asked
// for by name.
func (t Tools) Extract(ctx context.Context, c *registry.Client, release *payload.Release) (names []string, err error) {
	chosen, err := Choose(t.Command, t.Platform, release.Image.Config.Architecture, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.Directory, 0o755); err != nil {
		return nil, fmt.Errorf("extracting tools: %w", err)
	}
	temporary, err := os.MkdirTemp(t.Directory, ".extract-")
	if err != nil {
		return nil, fmt.Errorf("extracting tools: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	x := &run{Tools: t, release: release, sums: map[string]string{},
		finder: &finder{directory: temporary, images: map[string]*registry.Image{}, wanted: map[string]map[string]bool{},
			layers: map[digest.Digest]*scan{}}}
	if err := x.open(ctx, c, chosen); err != nil {
		return nil, err
	}
	for _, target := range chosen {
		if err := x.extract(ctx, target); err != nil {
			return nil, fmt.Errorf("extracting %s for %s/%s: %w", target.Command, target.OS, target.Arch, err)
		}
	}
	if len(x.sums) == 0 {
		return nil, fault.Errorf(fault.Unresolved, "release %s has none of the tools", release.PullSpec)
	}
	if t.archives() {
		if err := x.finish(); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(x.sums)), nil
}

// run is one extraction of tools.
type run struct {
	Tools
	release *payload.Release
	finder  *finder
	sums    map[string]string // file → sha256 in hexadecimal
}

// open opens the images that the targets are in.
func (x *run) open(ctx context.Context, c *registry.Client, chosen []Target) error {
	for _, target := range chosen {
		component, err := x.release.Component(target.Component)
		if err != nil {
			if x.Command != "" {
				return err
			}
			x.warn(fmt.Sprintf("The release has no %s: %s for %s/%s is left out.", target.Component, target.Command, target.OS, target.Arch))
			continue
		}
		image := x.finder.images[target.Component]
		if image == nil {
			if image, err = c.Image(ctx, component.Image); err != nil {
				return fmt.Errorf("component %q: %w", component.Name, err)
			}
		}
		x.finder.want(target.Component, image, target.Path)
	}
	return nil
}

func (x *run) warn(message string) {
	if x.Warn != nil {
		x.Warn(message)
	}
}

// extract takes one command out, and packs it if that is wanted.
func (x *run) extract(ctx context.Context, target Target) error {
	if x.finder.images[target.Component] == nil {
		return nil
	}
	got, err := x.finder.find(ctx, target.Component, target.Path)
	if errors.Is(err, os.ErrNotExist) {
		if x.Command != "" && !x.archives() {
			return fault.New(fault.Unresolved, "", err)
		}
		x.warn(fmt.Sprintf("%s for %s/%s is left out: %v.", target.Command, target.OS, target.Arch, err))
		return nil
	}
	if err != nil {
		return err
	}
	if got, err = x.finder.copy(got); err != nil {
		return err
	}
	if err := x.stamp(target, got.path); err != nil {
		return err
	}
	name := target.file()
	if x.archives() {
		name = fmt.Sprintf(target.Archive, x.release.Metadata.Version)
		return x.write(name, 0o644, func(w io.Writer) error { return pack(w, target, got) })
	}
	return x.write(name, 0o755, func(w io.Writer) error { return copyFile(w, got.path) })
}

// stamp writes the release into a binary, and signs it again where macOS would refuse it otherwise.
func (x *run) stamp(target Target, name string) (err error) {
	if len(target.inject) == 0 {
		return nil
	}
	all := map[marker]string{markImage: x.release.PullSpec, markVersion: x.release.Metadata.Version, markArchitecture: x.release.Platform()}
	values := map[marker]string{}
	for _, m := range target.inject {
		values[m] = all[m]
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	missing, err := inject(file, values)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		x.warn(fmt.Sprintf("%s for %s/%s has no place for the %s.", target.Command, target.OS, target.Arch, strings.Join(missing, " and the ")))
	}
	if target.OS == "darwin" && target.Arch == "arm64" {
		return signMachO(file, target.Command)
	}
	return nil
}

// write writes a file under its name, once it is complete, and remembers its checksum.
func (x *run) write(name string, mode os.FileMode, content func(io.Writer) error) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("%q is not the name of a file", name)
	}
	part := filepath.Join(x.finder.directory, "part")
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	sum := sha256.New()
	err = errors.Join(content(io.MultiWriter(file, sum)), file.Chmod(mode), file.Close())
	if err == nil {
		err = os.Rename(part, filepath.Join(x.Directory, name))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	x.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// preamble begins release.txt.
const preamble = "Client tools for OpenShift\n--------------------------\n\nThese archives contain the client tooling of the release below.\n\n" +
	"To verify the contents of this directory, use the 'sha256sum.txt' file:\n\n    sha256sum -c sha256sum.txt\n\n---\n\n"

// finish writes release.txt, the checksums and their signature.
func (x *run) finish() error {
	if err := x.write("release.txt", 0o644, text(preamble+x.Summary)); err != nil {
		return err
	}
	var sums strings.Builder
	for _, name := range slices.Sorted(maps.Keys(x.sums)) {
		fmt.Fprintf(&sums, "%s  %s\n", x.sums[name], name)
	}
	if err := x.write("sha256sum.txt", 0o644, text(sums.String())); err != nil {
		return err
	}
	if x.SigningKey == nil {
		return nil
	}
	return x.write("sha256sum.txt.asc", 0o644, func(w io.Writer) error { return x.SigningKey.Sign(w, sums.String()) })
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

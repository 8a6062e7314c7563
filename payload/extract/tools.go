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
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/imagefile"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Tools says which client tools to take out of a release, and where to.
type Tools struct {
	Directory  string // where they go; made if it is not there
	Command    string // one command; "" = all tools, as archives
	Platform   string // os, os/arch or * for all; "" = this machine's
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
	x := &run{Tools: t, release: release, sums: map[string]string{}, temporary: temporary,
		images: map[string]*registry.Image{},
		finder: imagefile.NewFinder(temporary)}
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
	return x.publish()
}

// run is one extraction of tools.
type run struct {
	Tools
	release   *payload.Release
	images    map[string]*registry.Image // by component
	temporary string                     // directory for files that are not complete
	finder    *imagefile.Finder
	sums      map[string]string // file → sha256 in hexadecimal
}

// open opens the images that the targets are in.
func (x *run) open(ctx context.Context, c *registry.Client, chosen []Target) error {
	for _, target := range chosen {
		component, err := x.release.Component(target.Component)
		if err != nil {
			if x.Command != "" {
				return err
			}
			x.warn(fmt.Sprintf("The release has no %s: %s for %s/%s is left out.", target.Component, target.Command,
				target.OS, target.Arch))
			continue
		}
		image := x.images[target.Component]
		if image == nil {
			if image, err = c.Image(ctx, component.Image); err != nil {
				return fmt.Errorf("component %q: %w", component.Name, err)
			}
		}
		x.images[target.Component] = image
		x.finder.Want(image, target.Path)
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
	image := x.images[target.Component]
	if image == nil {
		return nil
	}
	got, err := x.finder.Find(ctx, image, target.Path)
	if err != nil {
		err = fmt.Errorf("image of %s: %w", target.Component, err)
	}
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
	binary := filepath.Join(x.temporary, "binary") // a copy: another target may be the same file of the image
	if err := copyTo(binary, got.Path); err != nil {
		return err
	}
	got.Path = binary
	if err := x.stamp(target, binary); err != nil {
		return err
	}
	name := target.file()
	if x.archives() {
		name = fmt.Sprintf(target.Archive, x.release.Metadata.Version)
		return x.write(name, 0o755, got.ModTime, func(w io.Writer) error { return pack(w, target, got) })
	}
	return x.write(name, 0o755, got.ModTime, func(w io.Writer) error { return copyFile(w, binary) })
}

// stamp writes the release into a binary, and signs it again where macOS would refuse it otherwise.
func (x *run) stamp(target Target, name string) (err error) {
	if len(target.inject) == 0 {
		return nil
	}
	all := map[marker]string{markImage: x.release.PullSpec, markVersion: x.release.Metadata.Version,
		markArchitecture: x.release.Platform()}
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
		x.warn(fmt.Sprintf("%s for %s/%s has no place for the %s.", target.Command, target.OS, target.Arch,
			strings.Join(missing, " and the ")))
	}
	if target.OS == "darwin" && target.Arch == "arm64" {
		return signMachO(file, linkerIdentifier)
	}
	return nil
}

// write writes a file that publish will put into place, and remembers its checksum.
func (x *run) write(name string, mode os.FileMode, modTime time.Time, content func(io.Writer) error) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("%q is not the name of a file", name)
	}
	complete := x.complete(name)
	file, err := os.OpenFile(complete, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	sum := sha256.New()
	err = errors.Join(content(io.MultiWriter(file, sum)), file.Chmod(mode), file.Close())
	if err == nil && !modTime.IsZero() {
		err = os.Chtimes(complete, modTime, modTime)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	x.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// complete is the place of a file until all files are complete.
func (x *run) complete(name string) string { return filepath.Join(x.temporary, "complete-"+name) }

// publish puts the files into place, all of them complete: a full disk leaves none.
func (x *run) publish() ([]string, error) {
	names := slices.Sorted(maps.Keys(x.sums))
	for _, name := range names {
		if err := os.Rename(x.complete(name), filepath.Join(x.Directory, name)); err != nil {
			return nil, fmt.Errorf("extracting tools: %w", err)
		}
	}
	return names, nil
}

// preamble begins release.txt.
const preamble = "Client tools for OpenShift\n--------------------------\n\nThese archives contain the client tooling of the release below.\n\n" +
	"To verify the contents of this directory, use the 'sha256sum.txt' file:\n\n    sha256sum -c sha256sum.txt\n\n---\n\n"

// finish writes release.txt, the checksums and their signature.
func (x *run) finish() error {
	if err := x.write("release.txt", 0o644, time.Time{}, text(preamble+x.Summary)); err != nil {
		return err
	}
	var sums strings.Builder
	for _, name := range slices.Sorted(maps.Keys(x.sums)) {
		fmt.Fprintf(&sums, "%s  %s\n", x.sums[name], name)
	}
	if err := x.write("sha256sum.txt", 0o644, time.Time{}, text(sums.String())); err != nil {
		return err
	}
	if x.SigningKey == nil {
		return nil
	}
	return x.write("sha256sum.txt.asc", 0o644, time.Time{},
		func(w io.Writer) error { return x.SigningKey.Sign(w, sums.String()) })
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

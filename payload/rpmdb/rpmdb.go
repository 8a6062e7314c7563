// Package rpmdb lists the RPM packages in an image, and what is different in two. Databases are read by go-rpmdb; it is
// made for images that one trusts, so that it works in a process of its own here.
package rpmdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/imagefile"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	labelMetalayer = "io.openshift.metalayer"             // "true": the last layer has a list of the packages
	metalayerFile  = "usr/share/openshift/base/meta.json" // that list
	maxList        = 64 << 20                             // bytes of a list of packages
)

// places are where an image may have its database: oc's order of directories, the formats of rpm from the newest on.
func places() []string {
	var all []string
	for _, directory := range []string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"} {
		for _, file := range []string{"rpmdb.sqlite", "Packages.db", "Packages"} {
			all = append(all, directory+"/"+file)
		}
	}
	return all
}

// Package is an installed RPM package: name, epoch, version, release and architecture. No epoch is "0".
type Package [5]string

// version is how rpm-ostree and oc write it: the epoch is left out where it is 0.
func (p Package) version() string {
	version := p[2] + "-" + p[3]
	if p[1] != "0" {
		version = p[1] + ":" + version
	}
	return version
}

// list is a file with the packages of an image: what an image's metalayer has, and what oc keeps.
type list struct {
	Packages []Package `json:"rpmdb.pkglist"`
}

// Versions has the version of each package, by name. Of a package that is installed more than once it has all, with
// commas between them.
type Versions map[string]string

func (l list) versions() Versions {
	all := map[string][]string{}
	for _, p := range l.Packages {
		if version := p.version(); !slices.Contains(all[p[0]], version) {
			all[p[0]] = append(all[p[0]], version)
		}
	}
	versions := Versions{}
	for name, installed := range all {
		slices.Sort(installed)
		versions[name] = strings.Join(installed, ", ")
	}
	return versions
}

// Read lists the packages of an image. What was read once is kept in a directory under the image's digest, in oc's
// form, so that both programs can use the same. An image without a database is an error of class fault.Unresolved.
func Read(ctx context.Context, image *registry.Image, directory string) (Versions, error) {
	kept := filepath.Join(directory, strings.ReplaceAll(image.Digest.String(), ":", "_"))
	data, err := regular.Read(kept, maxList)
	if err == nil {
		packages, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("reading the packages that were kept in %q: %w", kept, err)
		}
		return packages.versions(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the packages that were kept: %w", err)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("keeping packages: %w", err)
	}
	packages, err := find(ctx, image, directory)
	if err != nil {
		return nil, fmt.Errorf("reading the RPM packages of %s: %w", image.PullSpec(), err)
	}
	if data, err = json.Marshal(packages); err == nil {
		err = regular.Replace(kept, data, 0o644) // another process may read it now
	}
	if err != nil {
		return nil, fmt.Errorf("keeping packages: %w", err)
	}
	return packages.versions(), nil
}

// find reads the packages out of the image's layers.
func find(ctx context.Context, image *registry.Image, directory string) (packages list, err error) {
	temporary, err := os.MkdirTemp(directory, ".image-")
	if err != nil {
		return list{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	finder := imagefile.NewFinder(temporary)
	if n := len(image.Layers); n > 0 && image.Config.Config.Labels[labelMetalayer] == "true" {
		last := *image
		last.Layers = image.Layers[n-1:]
		got, err := finder.Find(ctx, &last, metalayerFile)
		if err == nil {
			data, err := regular.Read(got.Path, maxList)
			if err != nil {
				return list{}, err
			}
			return parse(data)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return list{}, err
		}
		finder = imagefile.NewFinder(temporary) // for all layers
	}
	got, err := finder.Find(ctx, image, places()...)
	if errors.Is(err, fs.ErrNotExist) {
		return list{}, fault.New(fault.Unresolved,
			"machine-os-content, which releases up to 4.12 have, keeps it within an ostree repository: that is not read.",
			errors.New("the image has no RPM database"))
	}
	if err != nil {
		return list{}, err
	}
	return readDatabase(ctx, got.Path)
}

func parse(data []byte) (list, error) {
	var packages list
	if err := json.Unmarshal(data, &packages); err != nil {
		return list{}, fmt.Errorf("reading the list of packages: %w", err)
	}
	if len(packages.Packages) == 0 {
		return list{}, errors.New("the list of packages is empty")
	}
	return packages, nil
}

package osimage

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// DefaultTools is the image in which ostree commits are made and repositories of RPMs indexed where the user names no
// other. It is what the operating system itself is built with.
const DefaultTools = "quay.io/coreos-assembler/coreos-assembler:latest"

// Guide is where the user reads more.
const Guide = "docs/os-images.md"

// Changes are what the user wants changed in an operating system image.
type Changes struct {
	Containerfile string        // --containerfile: a build of the user's own; excludes all others
	Overlays      []string      // --overlay: directories whose files go into the image, later ones over earlier ones
	Replacements  []Replacement // --replace-file
	RPMs          []string      // --rpm: files, or names of packages to take from the image's repositories
	RepoFiles     []string      // --repo-file: .repo files for the installation alone
	ExtensionRPMs []string      // --extensions-rpm: files
	Tools         string        // --os-tools-image; "" = DefaultTools
}

// Replacement puts a local file in the place of one that the image has.
type Replacement struct {
	Path string // in the image
	File string // on this machine
}

// ParseReplacement reads PATH=FILE. An error has the class fault.Usage.
func ParseReplacement(text string) (Replacement, error) {
	path, file, found := strings.Cut(text, "=")
	if !found || path == "" || file == "" {
		return Replacement{}, fault.Errorf(fault.Usage, "--replace-file %q: want PATH=FILE", text)
	}
	return Replacement{Path: path, File: file}, nil
}

// IsZero reports whether nothing is to be changed. Which image makes the changes does not count.
func (c Changes) IsZero() bool {
	return c.Containerfile == "" && !c.hasFlags() && len(c.ExtensionRPMs) == 0
}

// hasFlags reports whether anything but a Containerfile or an extension changes the image itself.
func (c Changes) hasFlags() bool {
	return len(c.Overlays)+len(c.Replacements)+len(c.RPMs)+len(c.RepoFiles) > 0
}

// Split takes changes of a bootable image apart: those of the image itself, and those of the image with its extensions.
func (c Changes) Split() (image, extensions Changes) {
	image, extensions = c, Changes{ExtensionRPMs: c.ExtensionRPMs, Tools: c.Tools}
	image.ExtensionRPMs = nil
	return image, extensions
}

// Place returns the changes with other paths in place of those of files and directories: place gets each, with a name
// that no other path of these changes has and that ends as the path does where that matters.
func (c Changes) Place(place func(name, path string) (string, error)) (Changes, error) {
	var failure error
	at := func(name, path string) string {
		if path == "" || failure != nil {
			return path
		}
		path, failure = place(name, path)
		return path
	}
	all := func(kind string, paths []string, isPath func(string) bool) []string {
		placed := slices.Clone(paths)
		for i, path := range paths {
			if isPath(path) {
				placed[i] = at(fmt.Sprintf("%s/%d/%s", kind, i, filepath.Base(path)), path)
			}
		}
		return placed
	}
	always := func(string) bool { return true }
	c.Containerfile = at("containerfile/"+filepath.Base(c.Containerfile), c.Containerfile)
	c.Overlays = all("overlays", c.Overlays, always)
	c.Replacements = slices.Clone(c.Replacements)
	for i, one := range c.Replacements {
		c.Replacements[i].File = at(fmt.Sprintf("replacements/%d", i), one.File)
	}
	c.RPMs = all("rpms", c.RPMs, isFile)
	c.RepoFiles = all("repos", c.RepoFiles, always)
	c.ExtensionRPMs = all("extensions", c.ExtensionRPMs, always)
	return c, failure
}

// String names the flags that ask for the changes.
func (c Changes) String() string {
	var flags []string
	for _, one := range []struct {
		flag string
		used bool
	}{
		{"--containerfile", c.Containerfile != ""}, {"--overlay", len(c.Overlays) > 0},
		{"--replace-file", len(c.Replacements) > 0},
		{"--rpm", len(c.RPMs) > 0}, {"--repo-file", len(c.RepoFiles) > 0},
		{"--extensions-rpm", len(c.ExtensionRPMs) > 0},
	} {
		if one.used {
			flags = append(flags, one.flag)
		}
	}
	return strings.Join(flags, ", ")
}

// check refuses changes that an image of a kind cannot take. Errors have the class fault.Usage.
func (c Changes) check(kind Kind) error {
	names := 0
	for _, rpm := range c.RPMs {
		if !isFile(rpm) {
			names++
		}
	}
	refuse := func(advice, format string, args ...any) error {
		return fault.New(fault.Usage, advice, fmt.Errorf(format, args...))
	}
	switch {
	case c.Containerfile != "" && (c.hasFlags() || len(c.ExtensionRPMs) > 0):
		return refuse("Put the changes into the Containerfile.", "--containerfile excludes %s",
			strings.TrimPrefix(c.String(), "--containerfile, "))
	case len(c.RepoFiles) > 0 && len(c.RPMs) == 0:
		return refuse("Name the packages with --rpm NAME.",
			"--repo-file is for the installation of packages, and none is to be installed")
	case kind == Bootable && len(c.ExtensionRPMs) > 0:
		return errors.New("extensions of a bootable image are in an image of their own") // Split comes first
	case kind == Extensions && (c.hasFlags() || c.Containerfile != ""):
		return refuse("Add RPMs with --extensions-rpm FILE.",
			"an image of extensions holds RPMs alone: %s cannot be used with it", c.String())
	case kind == Legacy && c.Containerfile != "":
		return refuse("Use --overlay, --replace-file and --rpm, or --image with an image of your own.",
			"--containerfile cannot change the ostree repository of %s", legacyName)
	case kind == Legacy && (names > 0 || len(c.RepoFiles) > 0):
		return refuse("Pass RPM files; they are offered as extensions. "+Guide+" says how to put the files of a package into the tree.",
			"packages cannot be installed into the ostree repository of %s by name", legacyName)
	}
	return nil
}

// isFile tells a file from the name of a package.
func isFile(rpm string) bool { return strings.HasSuffix(rpm, ".rpm") || strings.Contains(rpm, "/") }

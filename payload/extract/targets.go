package extract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Target is a command for a platform: where a release has it, and what is written into it.
type Target struct {
	Command   string // such as oc or openshift-install
	OS, Arch  string // darwin, linux or windows; as Go names it
	Component string // whose image has it
	Path      string // in that image
	Archive   string // name of its archive, with %s for the version

	name     string   // of the file in the archive, where it is not the command
	links    []string // other names that the archive has for it
	inject   []marker // what is written into it
	optional bool     // only extracted when it is asked for by name
	release  bool     // runs on the platform of the release, whatever that is
}

// targets lists every command that a release for an architecture may have.
func targets(releaseArch string) []Target {
	var all []Target
	add := func(t Target) { all = append(all, t) }
	oc := func(os, arch, path, archive string) {
		t := Target{Command: "oc", OS: os, Arch: arch, Component: "cli-artifacts",
			Path: "usr/share/openshift/" + path, Archive: archive,
			inject: []marker{markVersion}}
		if os != "windows" {
			t.links = []string{"kubectl"}
		}
		add(t)
	}
	add(Target{Command: "oc", OS: "linux", Arch: releaseArch, Component: "cli", Path: "usr/bin/oc",
		Archive: "openshift-client-linux-%s.tar.gz",
		links:   []string{"kubectl"}, inject: []marker{markVersion}, release: true})
	oc("darwin", "amd64", "mac/oc", "openshift-client-mac-%s.tar.gz")
	oc("darwin", "arm64", "mac_arm64/oc", "openshift-client-mac-arm64-%s.tar.gz")
	for _, arch := range []string{"amd64", "arm64", "ppc64le"} {
		oc("linux", arch, "linux_"+arch+"/oc", "openshift-client-linux-"+arch+"-%s.tar.gz")
	}
	for _, rhel := range []string{"rhel8", "rhel9"} {
		for _, arch := range []string{"amd64", "arm64", "ppc64le", "s390x"} {
			add(Target{Command: "oc." + rhel, OS: "linux", Arch: arch, Component: "cli-artifacts",
				Path:    "usr/share/openshift/linux_" + arch + "/oc." + rhel,
				Archive: "openshift-client-linux-" + arch + "-" + rhel + "-%s.tar.gz", name: "oc",
				links:  []string{"kubectl"},
				inject: []marker{markVersion}})
		}
	}
	oc("windows", "amd64", "windows/oc.exe", "openshift-client-windows-%s.zip")
	all = append(all, installers(releaseArch)...)
	for _, suffix := range []string{"", ".rhel8", ".rhel9"} {
		add(Target{Command: "ccoctl" + suffix, OS: "linux", Arch: releaseArch, Component: "cloud-credential-operator",
			Path:    "usr/bin/ccoctl" + suffix,
			Archive: "ccoctl-linux" + strings.ReplaceAll(suffix, ".", "-") + "-%s.tar.gz",
			name:    "ccoctl", release: true})
	}
	return all
}

func installers(releaseArch string) []Target {
	inject := []marker{markImage, markVersion, markArchitecture}
	all := []Target{{Command: "openshift-install", OS: "linux", Arch: releaseArch, Component: "installer",
		Path:    "usr/bin/openshift-install",
		Archive: "openshift-install-linux-%s.tar.gz", inject: inject, release: true}}
	for _, p := range []struct{ os, arch, directory, archive string }{
		{"darwin", "amd64", "mac", "mac"}, {"darwin", "arm64", "mac_arm64", "mac-arm64"},
		{"linux", "amd64", "linux_amd64", "linux-amd64"}, {"linux", "arm64", "linux_arm64", "linux-arm64"},
	} {
		all = append(all, Target{Command: "openshift-install", OS: p.os, Arch: p.arch, Component: "installer-artifacts",
			Path:    "usr/share/openshift/" + p.directory + "/openshift-install",
			Archive: "openshift-install-" + p.archive + "-%s.tar.gz",
			inject:  inject})
	}
	for _, p := range []struct{ command, archive string }{
		{"openshift-baremetal-install", "openshift-baremetal-install-linux"},
		{"openshift-install-fips", "openshift-install-rhel"},
	} {
		all = append(all, Target{Command: p.command, OS: "linux", Arch: releaseArch, Component: "baremetal-installer",
			Path:    "usr/bin/openshift-install",
			Archive: p.archive + "-%s.tar.gz", inject: inject, release: true, optional: true})
	}
	return all
}

// Choose lists the targets of a release for an architecture. command "" stands for all tools. platform is os, os/arch
// or *; "" is the platform of the machine that runs this, which hostOS and hostArch name. An os alone is for amd64,
// and for linux the release's own.
func Choose(command, platform, releaseArch, hostOS, hostArch string) ([]Target, error) {
	if platform == "" {
		platform = hostOS + "/" + hostArch
	}
	os, arch, both := strings.Cut(strings.Replace(platform, "mac", "darwin", 1), "/")
	var chosen []Target
	var commands []string
	for _, t := range targets(releaseArch) {
		if !slices.Contains(commands, t.Command) {
			commands = append(commands, t.Command)
		}
		switch {
		case command == "" && t.optional, command != "" && command != t.Command:
		case t.OS == "linux" && t.Arch == releaseArch && !t.release && hasRelease(t.Command, releaseArch):
			// the release's own is the same
		case platform == "*":
			chosen = append(chosen, t)
		case t.OS == os && (t.Arch == arch || !both && (t.Arch == "amd64" || t.release)):
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return nil, fault.New(fault.Usage, "Commands: "+strings.Join(commands,
			", ")+". Pass --command-os='*' for all platforms.",
			fmt.Errorf("there is no command %q for platform %q", command, platform))
	}
	return chosen, nil
}

// hasRelease tells whether a command exists for the platform of the release itself.
func hasRelease(command, releaseArch string) bool {
	return slices.ContainsFunc(targets(releaseArch), func(t Target) bool { return t.Command == command && t.release })
}

// file is the name of the command in its archive.
func (t Target) file() string {
	name := t.name
	if name == "" {
		name = t.Command
	}
	if t.OS == "windows" {
		name += ".exe"
	}
	return name
}

// source is the repository that the command is built from.
func (t Target) source() string {
	repository := "oc"
	switch {
	case strings.HasPrefix(t.Command, "openshift-"):
		repository = "installer"
	case strings.HasPrefix(t.Command, "ccoctl"):
		repository = "cloud-credential-operator"
	}
	return "https://github.com/openshift/" + repository
}

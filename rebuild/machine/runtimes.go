package machine

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// hole is a known way out of containers that a runtime had.
type hole struct {
	runtime string
	below   string // versions that have it, as a constraint
	what    string
}

// holes returns the ways out of containers that an attacker's RUN step could use, by runtime and version, from their
// security advisories.
func holes() []hole {
	return []hole{
		{"runc", "< 1.1.12", "CVE-2024-21626 (a leaked file descriptor leads to the host)"},
		{"runc", "< 1.2.8 || >= 1.3.0, < 1.3.3",
			"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 (mounts of /proc and /dev/console can be redirected)"},
		{"runc", ">= 1.3.0, < 1.3.6", "CVE-2026-41579"},
		{"crun", "< 1.4.4", "CVE-2022-27650 (capabilities are inherited)"},
	}
}

// Runtimes checks each OCI runtime: where it is, its version with the known holes, and whether it starts containers
// here. temp is a directory for the attempt.
func Runtimes(ctx context.Context, temp string) []Finding {
	var findings []Finding
	for _, name := range builder.Runtimes() {
		findings = append(findings, runtime(ctx, name, temp))
	}
	return findings
}

func runtime(ctx context.Context, name, temp string) Finding {
	path, err := exec.LookPath(name)
	if err != nil {
		return Finding{Check: name, State: Note, Message: "not installed"}
	}
	version := versionOf(ctx, path)
	finding := Finding{Check: name, State: OK, Message: fmt.Sprintf("%s %s, starts containers here", path, version)}
	if err := builder.ProbeRuntime(ctx, path, temp); err != nil {
		finding.State, finding.Message = Note, fmt.Sprintf("%s %s: %v", path, version, err)
		return finding
	}
	if known := knownHoles(name, version); len(known) > 0 {
		finding.State = Note
		finding.Message += "; known holes: " + strings.Join(known, "; ")
		finding.Advice = "Update it, if the distribution has not mended this version, before building source that you do not trust."
	}
	return finding
}

// versionOf asks a runtime for its version; "" where it does not say.
func versionOf(ctx context.Context, path string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return ""
	}
	return regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)?`).FindString(string(output))
}

// knownHoles returns the holes of a version.
func knownHoles(name, version string) []string {
	parsed, err := semver.NewVersion(version)
	if err != nil {
		return nil
	}
	var known []string
	for _, hole := range holes() {
		constraint, err := semver.NewConstraint(hole.below)
		if err == nil && hole.runtime == name && constraint.Check(parsed) {
			known = append(known, hole.what)
		}
	}
	return known
}

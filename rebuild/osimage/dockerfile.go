package osimage

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// inside is where a stage of the build sees the context. It is gone when the stage ends.
const inside = "/tmp/oc-rebuild"

// payloadImage is how a Dockerfile names an image of the payload.
func payloadImage(name string) string { return "payload:" + name }

// bootable layers the changes on the image. One step, so that nothing of the context stays in the layer.
func (r *Recipe) bootable(root *os.Root, base Base, changes Changes, sum string) error {
	r.Tools = ""
	if err := writeScript(root, "apply.sh", scriptApply); err != nil {
		return err
	}
	files, names := countPackages(changes.RPMs)
	if files > 0 {
		r.Needs = append(r.Needs, Need{Programs: []string{"rpm-ostree", "dnf", "rpm"}, For: "--rpm"})
	}
	if names > 0 {
		r.Needs = append(r.Needs, Need{Programs: []string{"rpm-ostree", "dnf"}, For: "--rpm"})
		r.Notes = append(r.Notes,
			"packages are installed by name from the repositories of the image and --repo-file, which the build must reach: the result is as old as the cache of this build")
	}
	if !declaresVersion(base.Labels) {
		r.Notes = append(r.Notes,
			"the image does not declare a machine-os version, so `oc rebuild info` will not show that it was modified")
	}
	r.Labels = Labels(base.Labels, sum)
	r.Summary = "changed by " + changes.String()
	r.Text = []byte(strings.Join([]string{
		"# " + base.Name + ", " + r.Summary,
		"FROM " + payloadImage(base.Name),
		"COPY . " + inside + "/",
		"RUN /bin/sh " + inside + "/apply.sh",
		"",
	}, "\n"))
	return nil
}

// legacy commits to the ostree repository and indexes the extensions in a stage of its own, and puts what is new on
// the image.
func (r *Recipe) legacy(root *os.Root, base Base, changes Changes, sum string) error {
	image, version := payloadImage(base.Name), base.Labels[labelVersion]
	commands := []string{}
	r.Labels = map[string]string{}
	if len(changes.Overlays)+len(changes.Replacements) > 0 {
		commit := base.Labels[labelCommit]
		if !commitID.MatchString(commit) {
			return fault.Errorf(fault.Unresolved, "the image of %q names the ostree commit %.80q, which is not one",
				base.Name, commit)
		}
		if err := writeScript(root, "commit.sh", scriptCommit); err != nil {
			return err
		}
		if version == "" {
			version = commit[:12]
		}
		if version = Version(version, sum); !plainVersion.MatchString(version) {
			return fault.Errorf(fault.Unresolved, "the image of %q has the version %.80q, which is not one",
				base.Name, version)
		}
		maps.Copy(r.Labels, Labels(base.Labels, sum))
		r.Labels[labelVersion] = version
		r.Commits = true
		r.Needs = append(r.Needs, toolsNeed("ostree", changes), toolsNeed("bash", changes), toolsNeed("awk", changes))
		commands = append(commands, "bash "+inside+"/commit.sh "+commit+" "+version)
	}
	if len(changes.RPMs)+len(changes.ExtensionRPMs) > 0 {
		if err := writeScript(root, "extensions.sh", scriptExtensions); err != nil {
			return err
		}
		r.Needs = append(r.Needs, toolsNeed("createrepo_c", changes))
		r.Notes = append(r.Notes, "RPMs are offered as extensions under /extensions, not installed into the tree")
		commands = append(commands, "bash "+inside+"/extensions.sh "+legacyDirectory)
	}
	r.Summary = "changed by " + changes.String()
	r.Text = r.staged(base.Name, image, strings.Join(commands, " && "))
	return nil
}

// extensions adds RPMs to the image that holds a bootable image's extensions.
func (r *Recipe) extensions(root *os.Root, base Base) error {
	if err := writeScript(root, "extensions.sh", scriptExtensions); err != nil {
		return err
	}
	r.Needs = []Need{{Programs: []string{"createrepo_c"}, Tools: true, For: "--extensions-rpm"},
		{Programs: []string{"bash"}, Tools: true, For: "--extensions-rpm"}}
	r.Notes = append(r.Notes,
		"nodes install extensions that the machine-config-operator knows by name: an RPM takes effect where it is a newer version of one of them")
	r.Summary = "changed by --extensions-rpm"
	r.Text = r.staged(base.Name, payloadImage(base.Name), "bash "+inside+"/extensions.sh "+extensionsDirectory)
	return nil
}

// staged is a Dockerfile that runs a command in a stage of the tools image, which sees the old image under /run/old,
// and copies what that leaves in out/ onto the old image.
func (r *Recipe) staged(name, image, command string) []byte {
	return []byte(strings.Join([]string{
		"# " + name + ", " + r.Summary,
		"FROM " + r.Tools + " AS tools",
		"USER 0",
		"COPY . " + inside + "/",
		"RUN --mount=type=bind,from=" + image + ",target=/run/old " + command,
		"",
		"FROM " + image,
		"COPY --from=tools " + inside + "/out/ /",
		"",
	}, "\n"))
}

// toolsNeed is a program that the tools image must have.
func toolsNeed(program string, changes Changes) Need {
	return Need{Programs: []string{program}, Tools: true, For: changes.String()}
}

// countPackages counts RPM files and names of packages.
func countPackages(rpms []string) (files, names int) {
	for _, rpm := range rpms {
		if isFile(rpm) {
			files++
		} else {
			names++
		}
	}
	return files, names
}

// writeScript puts a script into the context.
func writeScript(root *os.Root, name string, text []byte) error {
	if err := root.WriteFile(name, text, 0o644); err != nil {
		return fmt.Errorf("preparing the build context: %w", err)
	}
	return nil
}

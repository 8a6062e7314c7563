package machine

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// neededRange is how many user and group IDs images take for granted.
const neededRange = 65536

// Identity checks who runs the program, and what lets a user without root build: ranges of subordinate IDs and the
// two programs that map them. uid is the user's ID outside of any user namespace that the program made for itself.
func Identity(uid int) []Finding {
	if uid == 0 {
		return []Finding{{Check: "user", State: OK, Message: "root"}}
	}
	name := strconv.Itoa(uid)
	if account, err := user.LookupId(name); err == nil {
		name = account.Username
	}
	findings := []Finding{{Check: "user", State: OK,
		Message: fmt.Sprintf("%s (%d), builds in a user namespace", name, uid)}}
	for _, kind := range []struct{ file, program, option string }{
		{"/etc/subuid", "newuidmap", "--add-subuids"}, {"/etc/subgid", "newgidmap", "--add-subgids"},
	} {
		findings = append(findings, subordinate(kind.file, kind.option, name, uid), mapper(kind.program))
	}
	return findings
}

// subordinate checks that a user has a range of IDs.
func subordinate(file, option, name string, uid int) Finding {
	total, err := rangeOf(file, name, uid)
	finding := Finding{Check: file, State: OK, Message: fmt.Sprintf("%d IDs for %s", total, name)}
	if total >= neededRange {
		return finding
	}
	finding.State = Note
	finding.Advice = fmt.Sprintf("As root: usermod %s 200000-%d %s. Until then files of images all belong to root, and steps that want another owner fail.",
		option, 200000+neededRange-1, name)
	if err != nil {
		finding.Message = err.Error()
	}
	return finding
}

// rangeOf adds up the IDs that a file such as /etc/subuid gives to a user, by name or by ID.
func rangeOf(file, name string, uid int) (total int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("reading the ranges of %s: %w", name, err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(fields) != 3 || fields[0] != name && fields[0] != strconv.Itoa(uid) {
			continue
		}
		if count, err := strconv.Atoi(fields[2]); err == nil && count > 0 {
			total += count
		}
	}
	return total, nil
}

// mapper checks that newuidmap or newgidmap is there and has the right that it needs.
func mapper(program string) Finding {
	finding := Finding{Check: program, State: Problem,
		Advice: "Install it: package uidmap on Debian and Ubuntu, shadow-utils on Fedora and RHEL."}
	path, err := exec.LookPath(program)
	if err != nil {
		finding.Message = "not installed: no user namespace can be set up without root"
		return finding
	}
	finding.State = Note // one user ID can be mapped all the same
	info, err := os.Stat(path)
	if err != nil {
		finding.Message = err.Error()
		return finding
	}
	capability := make([]byte, 64)
	_, capErr := unix.Getxattr(path, "security.capability", capability)
	if info.Mode()&os.ModeSetuid == 0 && capErr != nil {
		finding.Message = path + " has neither the setuid bit nor a file capability"
		finding.Advice = fmt.Sprintf("As root: chmod u+s %s, or setcap cap_set%sid=ep %s.", path,
			strings.TrimSuffix(strings.TrimPrefix(program, "new"), "idmap"), path)
		return finding
	}
	return Finding{Check: program, State: OK, Message: path}
}

package machine

import (
	"os"
	"path/filepath"
)

// Configuration says for each configuration file of container tools which one counts here, and what stands in where
// there is none.
func Configuration() []Finding {
	var findings []Finding
	for _, file := range []struct{ name, variable, instead string }{
		{"policy.json", "", "unsigned images are accepted"},
		{"registries.conf", "CONTAINERS_REGISTRIES_CONF",
			"images are pulled from the registry that they name; no mirrors, no short names"},
		{"storage.conf", "CONTAINERS_STORAGE_CONF", "the driver that works, in the usual place"},
		{"containers.conf", "CONTAINERS_CONF", "built-in defaults; limits no higher than this process's"},
		{"seccomp.json", "", "the seccomp profile that is built in"},
	} {
		findings = append(findings, configuration(file.name, file.variable, file.instead))
	}
	return findings
}

func configuration(name, variable, instead string) Finding {
	var paths []string
	if named := os.Getenv(variable); variable != "" && named != "" {
		paths = append(paths, named)
	}
	if directory, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(directory, "containers", name))
	}
	paths = append(paths, filepath.Join("/etc/containers", name), filepath.Join("/usr/share/containers", name))
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return Finding{Check: name, State: OK, Message: path}
		}
	}
	return Finding{Check: name, State: OK, Message: "none: " + instead}
}

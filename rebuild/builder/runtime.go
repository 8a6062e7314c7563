package builder

import (
	"fmt"
	"os"
	"path/filepath"
)

// runtimeDirectory is what start.c looks for in the name that this program is started by.
const runtimeDirectory = "oc-rebuild-runtime"

// makeRuntime makes a name in a directory by which this program is an OCI runtime that waits for a step without taking
// the processors for it; see start.c. runtime is the path of the real one.
func makeRuntime(directory, runtime string) (string, error) {
	directory = filepath.Join(directory, runtimeDirectory)
	err := os.Mkdir(directory, 0o700)
	if err == nil {
		err = os.Symlink(runtime, filepath.Join(directory, ".real"))
	}
	name := filepath.Join(directory, filepath.Base(runtime)) // as errors name it
	if err == nil {
		err = os.Symlink("/proc/self/exe", name)
	}
	if err != nil {
		return "", fmt.Errorf("making a scratch directory: %w", err)
	}
	return name, nil
}

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHelper wants the helper in the program's place for what it does, and the program to do it where it is alone.
func TestHelper(t *testing.T) {
	installed, err := exec.LookPath("oc-rebuild")
	check(t, err)
	installed, err = filepath.EvalSymlinks(installed)
	check(t, err)
	alone := installed + ".parts/oc-rebuild"
	if _, err := os.Stat(alone); err != nil && os.Getenv("OC_REBUILD_BINARY") != "" {
		t.Skip("OC_REBUILD_BINARY names a program that hack/build did not make")
	}
	const helper = "/memfd:oc-rebuild-helper (deleted)"
	for program, want := range map[string]string{installed: helper, alone: alone} {
		command := exec.Command(program)
		command.Args = []string{"buildah-copier"}
		input, err := command.StdinPipe() // a request, which it waits for
		check(t, err)
		check(t, command.Start())
		is := ""
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			is, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", command.Process.Pid))
			check(t, err)
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", command.Process.Pid))
			check(t, err)
			if is == helper || strings.Contains(string(status), "pipe") {
				break
			}
		}
		check(t, input.Close())
		_ = command.Wait() // with what it says of no request
		if is != want {
			t.Errorf("%q is %q as a copier, want %q", program, is, want)
		}
	}
	for _, name := range []string{"buildah-copier", "chrootuser-open", "storage-applyLayer", "storage-untar"} { // of start.c
		command := exec.Command(installed + ".parts/helper")
		command.Args = []string{name}
		if out, _ := command.CombinedOutput(); strings.Contains(string(out), "nothing that the helper does") {
			t.Errorf("the helper does not know %q", name)
		}
	}
}

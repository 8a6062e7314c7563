package watch_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/watch"
)

const quiet = 30 * time.Millisecond

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write returns a change that writes files of a directory.
func write(names ...string) func(*testing.T, string) {
	return func(t *testing.T, directory string) {
		for _, name := range names {
			path := filepath.Join(directory, name)
			check(t, os.MkdirAll(filepath.Dir(path), 0o755))
			check(t, os.WriteFile(path, []byte("new"), 0o644))
		}
	}
}

// rename returns a change that renames a file of a directory.
func rename(from, to string) func(*testing.T, string) {
	return func(t *testing.T, directory string) {
		check(t, os.Rename(filepath.Join(directory, from), filepath.Join(directory, to)))
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, directory string) { check(t, os.Remove(filepath.Join(directory, name))) }
}

// then returns a change of several.
func then(changes ...func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, directory string) {
		for _, change := range changes {
			change(t, directory)
		}
	}
}

// open watches a directory with files, some of them ignored.
func open(t *testing.T) (*watch.Watcher, string) {
	t.Helper()
	directory := t.TempDir()
	write("main.go", "pkg/deep/x.go", ".git/HEAD", ".git/refs/heads/main", ".git/objects/00/1", "sub/.git/HEAD",
		"bin/other")(t, directory)
	w, err := watch.Open([]watch.Tree{{Directory: directory, Ignored: []string{"bin/", "out"},
		Git: []string{filepath.Join(directory, ".git")}}})
	check(t, err)
	t.Cleanup(func() { check(t, w.Close()) })
	return w, directory
}

// notices returns what Wait notices: "" for nothing.
func notices(t *testing.T, w *watch.Watcher) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*quiet)
	defer cancel()
	change, err := w.Wait(ctx, quiet)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var found []string
	if err == nil && w.Visible(change) {
		found = append(found, "files")
	}
	if err == nil && change.Git() {
		found = append(found, "git")
	}
	return strings.Join(found, " and ")
}

func TestWait(t *testing.T) {
	tests := []struct {
		description string
		change      func(t *testing.T, directory string)
		want        string
	}{
		{"a file at the top", write("main.go"), "files"},
		{"a file below", write("pkg/deep/x.go"), "files"},
		{"a file in a new directory", write("pkg/new/er/x.go"), "files"},
		{"a removed file", remove("pkg/deep/x.go"), "files"},
		{"a renamed file", rename("pkg/deep/x.go", "pkg/y.go"), "files"},
		{"a file that is replaced", then(write("new.tmp"), rename("new.tmp", "main.go")), "files"},
		{"a file that is saved with a backup", then(rename("main.go", "main.go~"), write("main.go"),
			remove("main.go~")), "files"},
		{"nothing", func(*testing.T, string) {}, ""},
		{"attributes", func(t *testing.T, directory string) {
			check(t, os.Chtimes(filepath.Join(directory, "main.go"), time.Now(), time.Now()))
		}, ""},
		{"a file that can be executed now", func(t *testing.T, directory string) {
			check(t, os.Chmod(filepath.Join(directory, "main.go"), 0o755))
		}, "files"},
		{"a commit", write(".git/refs/heads/main"), "git"},
		{"another branch", write(".git/HEAD"), "git"},
		{"a new branch in a directory", write(".git/refs/heads/feature/x"), "git"},
		{"the index", then(write(".git/index.tmp"), rename(".git/index.tmp", ".git/index")), "git"},
		{"a checkout", write(".git/HEAD", "main.go"), "files and git"},
		{"git's objects", write(".git/objects/00/2"), ""},
		{"git's files of a submodule", write("sub/.git/HEAD"), ""},
		{"an ignored file", write("bin/program"), ""},
		{"a new ignored directory", write("out/deep/program"), ""},
		{"a swap file", write("pkg/deep/.x.go.swp"), ""},
		{"an editor's probe", then(write("pkg/probe"), remove("pkg/probe")), ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			w, directory := open(t)
			test.change(t, directory) // before Wait, as during a build
			if got := notices(t, w); got != test.want {
				t.Errorf("Wait() notices %q, want %q", got, test.want)
			}
		})
	}
}

// A file is made executable during a build, and the trees are described anew before the event is read.
func TestUpdateKeepsWhatWasSeen(t *testing.T) {
	w, directory := open(t)
	check(t, os.Chmod(filepath.Join(directory, "main.go"), 0o755))
	check(t, w.Update([]watch.Tree{{Directory: directory}}))
	if got := notices(t, w); got != "files" {
		t.Errorf("Wait() notices %q", got)
	}
}

// A branch in a directory that was made during the watch.
func TestWaitForTheSecondCommitOfABranch(t *testing.T) {
	w, directory := open(t)
	for range 2 {
		write(".git/refs/heads/feature/x")(t, directory)
		if got := notices(t, w); got != "git" {
			t.Errorf("Wait() notices %q, want %q", got, "git")
		}
	}
}

func TestWaitForSeveralChangesAtOnce(t *testing.T) {
	directory := t.TempDir()
	w, err := watch.Open([]watch.Tree{{Directory: directory}})
	check(t, err)
	defer w.Close()
	go func() {
		for range 5 {
			_ = os.WriteFile(filepath.Join(directory, "file"), []byte("x"), 0o644)
			time.Sleep(quiet / 3)
		}
	}()
	_, err = w.Wait(t.Context(), 10*quiet)
	check(t, err)
	if got := notices(t, w); got != "" {
		t.Errorf("Wait() notices %q again after one burst of changes, want it to wait", got)
	}
}

// git holds the lock of the index while it writes files, which may take longer than the time of quiet.
func TestWaitForGit(t *testing.T) {
	w, directory := open(t)
	write(".git/index.lock", "main.go")(t, directory)
	go func() {
		time.Sleep(10 * quiet)
		_ = os.WriteFile(filepath.Join(directory, "pkg/deep/x.go"), []byte("last"), 0o644)
		_ = os.Remove(filepath.Join(directory, ".git/index.lock"))
	}()
	change, err := w.Wait(t.Context(), quiet)
	check(t, err)
	if !w.Visible(change) || !change.Git() {
		t.Error("Wait() notices no checkout")
	}
	if got := notices(t, w); got != "" {
		t.Errorf("Wait() notices %q after the checkout, want one change in all", got)
	}
	write(".git/index.lock", "main.go")(t, directory) // of a git that was killed
	check(t, os.Chtimes(filepath.Join(directory, ".git/index.lock"), time.Now(), time.Now().Add(-time.Hour)))
	if got := notices(t, w); got != "files and git" {
		t.Errorf("Wait() notices %q beside an old lock, want files and git", got)
	}
}

// A directory of products appears, and then git says that it is ignored.
func TestUpdate(t *testing.T) {
	w, directory := open(t)
	tree := watch.Tree{Directory: directory, Ignored: []string{"bin/", "out", "_output/"}}
	write("_output/deep/program")(t, directory)
	change, err := w.Wait(t.Context(), quiet)
	check(t, err)
	check(t, w.Update([]watch.Tree{tree}))
	if w.Visible(change) {
		t.Error("a change is visible after all of it is ignored")
	}
	write("_output/deep/program", "_output/other")(t, directory)
	if got := notices(t, w); got != "" {
		t.Errorf("Wait() notices %q of what is ignored", got)
	}
	tree.Ignored = nil
	check(t, w.Update([]watch.Tree{tree}))
	write("_output/deep/program")(t, directory)
	if got := notices(t, w); got != "files" {
		t.Errorf("Wait() notices %q of what is ignored no more", got)
	}
}

// limited is the environment variable of a test that runs in a user namespace with low limits.
const limited = "OC_REBUILD_TEST_LIMIT"

// The kernel says of these limits that too many files are open, or that no space is left on the device.
func TestLimits(t *testing.T) {
	for _, limit := range []string{"max_user_watches", "max_user_instances"} {
		t.Run(limit, func(t *testing.T) {
			if os.Getenv(limited) == limit {
				testLimit(t, limit)
				return
			}
			args := []string{"-test.run", "^TestLimits$/^" + limit + "$"}
			if coverage := flag.Lookup("test.gocoverdir"); coverage != nil && coverage.Value.String() != "" {
				args = append(args, "-test.gocoverdir", coverage.Value.String())
			}
			command := exec.Command("/proc/self/exe", args...)
			command.Env = append(os.Environ(), limited+"="+limit)
			command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
			output, err := command.CombinedOutput()
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
				t.Skipf("no user namespaces here: %v", err)
			}
			if err != nil || !strings.Contains(string(output), "PASS") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// testLimit lowers a limit for its own user namespace and meets it.
func testLimit(t *testing.T, limit string) {
	switch limit {
	case "max_user_watches":
		check(t, os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("3"), 0o644))
	case "max_user_instances":
		check(t, os.WriteFile("/proc/sys/user/max_inotify_instances", []byte("0"), 0o644))
	}
	directory := t.TempDir()
	for i := range 5 {
		write(fmt.Sprintf("%d/file", i))(t, directory)
	}
	_, err := watch.Open([]watch.Tree{{Directory: directory}})
	if name := "fs.inotify." + limit; err == nil || !strings.Contains(err.Error(), name) ||
		!strings.Contains(fault.AdviceOf(err), "sysctl -w "+name) {
		t.Errorf("Open() = %v (%s), want it to name %s", err, fault.AdviceOf(err), name)
	}
}

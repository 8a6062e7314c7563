package gitsrc_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// TestFullDisk runs itself in a mount namespace of its own, where it can make disks of any size.
func TestFullDisk(t *testing.T) {
	if base := os.Getenv("GITSRC_TEST_FULL"); base != "" {
		fillDisks(t, base, os.Getenv("GITSRC_TEST_COMMIT"))
		return
	}
	server := serve(t, "any")
	files := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 30 {
		var text strings.Builder // that does not compress well
		for range 600 {
			fmt.Fprintf(&text, "%x\n", random.Uint64())
		}
		files[fmt.Sprintf("dir%d/file%d", i%5, i)] = text.String()
	}
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", files)
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	env := server.environment(t)
	child.Env = append(os.Environ(), "GITSRC_TEST_FULL="+t.TempDir(), "GITSRC_TEST_COMMIT="+commit)
	for _, name := range []string{"HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0",
		"GIT_CONFIG_VALUE_0"} {
		child.Env = append(child.Env, name+"="+env(name))
	}
	out, err := child.CombinedOutput()
	switch text := string(out); {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSPC), strings.Contains(text, "no namespaces here"):
		t.Skipf("user namespaces are not allowed here: %v", err)
	case err != nil || !strings.Contains(text, "PASS"):
		t.Errorf("%v\n%s", err, text)
	}
}

// fillDisks fetches onto disks that are too small by more and by less, for the cache and for the checkout.
func fillDisks(t *testing.T, base, commit string) {
	req := gitsrc.Request{Repository: component, Commit: commit}
	cache, work := filepath.Join(base, "cache"), filepath.Join(base, "work")
	failed := map[string]int{}
	for _, small := range []string{cache, work} {
		for pages := 2; pages < 120; pages += 13 {
			for _, dir := range []string{cache, work} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				size := 4096
				if dir == small {
					size = pages
				}
				if err := syscall.Mount("tmpfs", dir, "tmpfs", 0,
					fmt.Sprintf("size=%dk,mode=0700", size*4)); err != nil {
					t.Fatalf("no namespaces here: %v", err)
				}
			}
			s, err := gitsrc.Open(cache, gitsrc.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Fetch(context.Background(), req, filepath.Join(work, "checkout"))
			if err != nil {
				failed[small]++
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s with %d pages: %v", small, pages, err)
				}
				if _, err := os.Lstat(filepath.Join(work, "checkout")); err == nil {
					t.Errorf("%s with %d pages: a checkout is left behind", small, pages)
				}
			}
			if err := syscall.Mount("", small, "", syscall.MS_REMOUNT, "size=16m"); err != nil {
				t.Fatal(err)
			}
			os.RemoveAll(filepath.Join(work, "checkout"))
			if _, err := s.Fetch(context.Background(), req, filepath.Join(work, "checkout")); err != nil {
				t.Errorf("%s with %d pages, after there was room: %v", small, pages, err)
			}
			for _, dir := range []string{cache, work} {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if failed[cache] < 2 || failed[work] < 2 {
		t.Errorf("the disks were never full: %v", failed)
	}
}

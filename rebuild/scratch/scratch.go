package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// prefix begins the name of the directory of a run.
const prefix = "oc-rebuild-run-"

// variable is where programs and libraries look for the directory of temporary files.
const variable = "TMPDIR"

// Directory is the directory of this run.
type Directory struct {
	Path   string
	lock   *flock.Lock
	before string // value of TMPDIR
	set    bool   // whether it had one
}

// Enter makes a directory for this run and lets TMPDIR name it, for the whole process: buildah and the image
// libraries know no other way. Call Leave at the end.
func Enter() (*Directory, error) {
	base, err := Base()
	if err != nil {
		return nil, err
	}
	path, lock, err := flock.MakeHeld(base, prefix)
	if err != nil {
		return nil, err
	}
	d := &Directory{Path: path, lock: lock}
	d.before, d.set = os.LookupEnv(variable)
	if err := os.Setenv(variable, path); err != nil {
		return nil, errors.Join(err, d.Leave())
	}
	return d, nil
}

// Leave removes the directory, and what is still mounted in it.
func (d *Directory) Leave() error {
	var err error
	if d.set {
		err = os.Setenv(variable, d.before)
	} else {
		err = os.Unsetenv(variable)
	}
	return errors.Join(err, remove(d.Path), d.lock.Release())
}

// Base returns where the directories of runs are: in $TMPDIR; else in /var/tmp as those of podman and buildah, since
// /tmp may be memory; else in /tmp.
func Base() (string, error) {
	base := os.Getenv(variable)
	if base == "" {
		base = os.TempDir()
		if unix.Access("/var/tmp", unix.W_OK|unix.X_OK) == nil {
			base = "/var/tmp"
		}
	}
	base, err := filepath.Abs(base)
	if err == nil {
		base, err = filepath.EvalSymlinks(base) // as the kernel lists mounts
	}
	if err != nil {
		return "", fmt.Errorf("finding the temporary directory: %w", err)
	}
	return base, nil
}

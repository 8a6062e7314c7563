package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// tagFile says that a directory is a cache (https://bford.info/cachedir), and this program's: backups leave it out, and
// Prune may remove things in it.
const tagFile = "CACHEDIR.TAG"

const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Caches of oc rebuild. `oc rebuild cache prune` removes what is old.\n"

// Mark says of a directory that it is a cache of this program.
func Mark(directory string) error {
	name := filepath.Join(directory, tagFile)
	if text, err := os.ReadFile(name); err == nil && string(text) == tag {
		return nil
	}
	if err := regular.Replace(name, []byte(tag), 0o600); err != nil { // which no Prune finds half written
		return fmt.Errorf("preparing the cache: %w", err)
	}
	return nil
}

// CheckMark refuses a directory that is no cache of this program: somebody named another one by mistake, which may have
// directories of the same names. One that is not there is empty. Programs before Mark used the usual name.
func CheckMark(directory string) error {
	if _, err := os.Stat(directory); errors.Is(err, fs.ErrNotExist) || filepath.Base(directory) == "oc-rebuild" {
		return nil
	}
	if text, err := os.ReadFile(filepath.Join(directory, tagFile)); err == nil && string(text) == tag {
		return nil
	}
	return fault.New(fault.Usage, "Name the directory that builds were given with --cache-dir.",
		fmt.Errorf("%q is no cache of oc rebuild: its %s does not say so", directory, tagFile))
}

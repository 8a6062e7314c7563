package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// applyCacheDir adds the flag for the directory that outlives runs; every command that fetches has it.
func applyCacheDir(flags *pflag.FlagSet, directory *string) {
	defer grouped(flags, groupBuild)()
	flags.StringVar(directory, "cache-dir", "",
		"`directory` for sources, configs and compile caches (default: oc-rebuild in the user's cache directory)")
}

// cacheDirectory returns the directory that --cache-dir names, or the user's. One that somebody else could have
// filled is refused: what is in it ends up in images.
func cacheDirectory(named string) (string, error) {
	if named == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fault.New(fault.Usage, "Pass --cache-dir DIR.",
				fmt.Errorf("finding the user's cache directory: %w", err))
		}
		named = filepath.Join(user, "oc-rebuild")
	}
	directory, err := filepath.Abs(named)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(directory)
	if errors.Is(err, os.ErrNotExist) {
		return directory, nil
	}
	if err != nil {
		return "", fault.New(fault.Usage, "Pass --cache-dir DIR.", fmt.Errorf("opening the cache: %w", err))
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return "", fault.Errorf(fault.Usage, "the cache %q is not a directory", directory)
	case !ok || int(stat.Uid) != os.Geteuid():
		return "", fault.New(fault.Usage, "Pass --cache-dir DIR.",
			fmt.Errorf("the cache %q belongs to somebody else", directory))
	case info.Mode().Perm()&0o022 != 0:
		return "", fault.New(fault.Usage, fmt.Sprintf("If nobody else has written there: chmod go-w %s", directory),
			fmt.Errorf("others may write to the cache %q", directory))
	}
	return directory, nil
}

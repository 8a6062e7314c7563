package checkout

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Repository says what the .git of a checkout is to hold.
type Repository struct {
	Commit pack.ID
	Branch string                       // without refs/heads/; "" = none is checked out
	Pack   func(directory string) error // puts packs with the commit there
	Index  func(path string) error      // writes the index
}

// WriteGitDir makes a .git below dir that needs nothing outside of it, because the directory is copied into
// containers.
func WriteGitDir(dir string, r Repository) error {
	if err := writeGitDir(filepath.Join(dir, ".git"), r); err != nil {
		return fmt.Errorf("making the .git of %q: %w", dir, err)
	}
	return nil
}

func writeGitDir(git string, r Repository) error {
	for _, sub := range []string{"", "objects", "objects/pack", "objects/info", "refs", "refs/heads",
		"refs/tags", "info"} {
		if err := os.Mkdir(filepath.Join(git, sub), 0o755); err != nil {
			return err
		}
	}
	if err := r.Pack(filepath.Join(git, "objects/pack")); err != nil {
		return err
	}
	files := map[string]string{
		"HEAD":    r.Commit.String() + "\n",
		"config":  "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n",
		"shallow": r.Commit.String() + "\n", // its parents are not there
	}
	if r.Branch != "" {
		files["HEAD"] = "ref: refs/heads/" + r.Branch + "\n"
		files["packed-refs"] = fmt.Sprintf("# pack-refs with: peeled fully-peeled sorted \n%s refs/heads/%s\n",
			r.Commit, r.Branch)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(git, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return r.Index(filepath.Join(git, "index"))
}

// CopyPacks copies packs, paths without suffix, into a directory: they are not linked, so that nobody who writes there
// reaches where they come from.
func CopyPacks(ctx context.Context, packs []string, directory string) error {
	for _, base := range packs {
		for _, suffix := range []string{".pack", ".idx"} {
			if err := copyFile(ctx, filepath.Join(directory, filepath.Base(base)+suffix), base+suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteIndex writes the index of a checkout.
func (w *Written) WriteIndex(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := writeIndex(f, w.files); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

const copyStep = 64 << 20 // bytes between two looks at the context

// copyFile copies, where the file system can by sharing the blocks.
func copyFile(ctx context.Context, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	for err == nil && ctx.Err() == nil {
		_, err = io.CopyN(out, in, copyStep)
	}
	if err != io.EOF {
		out.Close()
		return cmp.Or(err, context.Cause(ctx))
	}
	return out.Close()
}

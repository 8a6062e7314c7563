package source

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// ArchiveType is the media type of what Pack writes.
const ArchiveType = "application/vnd.oc-rebuild.source.v1.tar+zstd"

// Limits on an archive: those of a checkout, and a bound on the memory that it may ask its reader for.
const (
	// MaxArchive is how many bytes an archive has at the most, compressed or not.
	MaxArchive = 8 << 30

	maxEntries = 250_000
	maxWindow  = 32 << 20 // bytes
	maxDepth   = 100      // directories in one another, as of a checkout
)

// used counts what an archive has. Whoever packs one is held to the same limits as whoever unpacks it, and hears of
// them first.
type used struct {
	entries int
	bytes   int64
	above   string // the directory of the last entry
}

// add counts an entry, and with it the directories of its name, which an archive need not have.
func (u *used) add(name string, size int64) error {
	if u.entries >= maxEntries || size > MaxArchive-u.bytes {
		return fmt.Errorf("it has more than %d files or %d bytes", maxEntries, int64(MaxArchive))
	}
	u.bytes += size
	if strings.Count(name, "/") >= maxDepth {
		return fmt.Errorf("it has directories that are more than %d deep", maxDepth)
	}
	u.entries++
	if directory := path.Dir(name); directory != u.above {
		u.above = directory
		u.entries += strings.Count(directory, "/")
	}
	return nil
}

// Pack writes directories to an archive, one over the other: names, permissions, times, contents and where symbolic
// links lead to, as Digest sees them. Of the first, .git and the paths in skip are left out. What Unpack would refuse
// is an error of the class fault.Unresolved.
func Pack(ctx context.Context, w io.Writer, directory string, skip []string, more ...string) error {
	compressed, err := zstd.NewWriter(w)
	if err != nil {
		return fmt.Errorf("packing the source: %w", err)
	}
	archive := tar.NewWriter(compressed)
	skipped, sum := leftOut(skip), &used{}
	for _, one := range append([]string{directory}, more...) {
		if err = pack(ctx, archive, one, skipped, sum); err != nil {
			break
		}
		skipped = nil
	}
	if err := errors.Join(err, archive.Close(), compressed.Close()); err != nil {
		return fmt.Errorf("packing the source in %q: %w", directory, err)
	}
	return nil
}

func pack(ctx context.Context, archive *tar.Writer, directory string, skipped map[string]bool, sum *used) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case skipped[name] && entry.IsDir():
			return fs.SkipDir
		case skipped[name]:
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size := int64(0)
		if info.Mode().IsRegular() {
			size = info.Size()
		}
		if err := sum.add(name, size); err != nil {
			return fault.New(fault.Unresolved, "Leave out what no build needs: .gitignore says what that is.", err)
		}
		header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(),
			Format: tar.FormatPAX}
		for _, bit := range bits {
			if info.Mode()&bit.mode != 0 {
				header.Mode |= bit.header
			}
		}
		switch {
		case info.IsDir():
			header.Typeflag, header.Name = tar.TypeDir, name+"/"
			return archive.WriteHeader(header)
		case info.Mode()&fs.ModeSymlink != 0:
			header.Typeflag = tar.TypeSymlink
			if header.Linkname, err = root.Readlink(name); err != nil {
				return err
			}
			return archive.WriteHeader(header)
		case !info.Mode().IsRegular():
			return nil // a build cannot copy it either
		}
		header.Typeflag, header.Size = tar.TypeReg, size
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		file, err := root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(archive, interrupt.Reader(ctx, file))
		return err
	})
}

// bits are those of a mode that fs.FileMode has elsewhere than a tar header.
var bits = []struct {
	mode   fs.FileMode
	header int64
}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}}

// Unpack puts what an archive of Pack holds into an empty directory. Nothing that it says leads out of there. An error
// about its content has the class fault.Unresolved.
func Unpack(ctx context.Context, r io.Reader, directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	defer root.Close()
	plain, err := zstd.NewReader(interrupt.Reader(ctx, r), zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	defer plain.Close()
	if err := unpack(root, tar.NewReader(&bounded{plain, MaxArchive + maxEntries*4<<10})); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fault.New(fault.Unresolved, "", fmt.Errorf("unpacking the source: %w", err))
	}
	return nil
}

// bounded is a reader that ends with an error after so many bytes: headers count in no other limit.
type bounded struct {
	io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes", int64(MaxArchive))
	}
	return n, err
}

func unpack(root *os.Root, archive *tar.Reader) error {
	var directories []tar.Header // their permissions and times come last: files are still written into them
	in := &opened{root: root}
	defer in.close()
	for sum := new(used); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(header.Name, "/")
		if !fs.ValidPath(name) || name == "." {
			return fmt.Errorf("%q is not the name of a file in it", header.Name)
		}
		if err := sum.add(name, header.Size); err != nil {
			return err
		}
		if header.Typeflag == tar.TypeDir {
			if err := root.MkdirAll(name, 0o755); err != nil {
				return err
			}
			directories = append(directories, tar.Header{Name: name, Mode: header.Mode, ModTime: header.ModTime})
			continue
		}
		if err := in.open(path.Dir(name)); err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeSymlink:
			err = in.directory.Symlink(header.Linkname, path.Base(name))
		case tar.TypeReg:
			err = unpackFile(in.directory, archive, path.Base(name), header)
		default:
			err = fmt.Errorf("%q is neither a file nor a directory nor a symbolic link", header.Name)
		}
		if err != nil {
			return err
		}
	}
	for _, header := range slices.Backward(directories) {
		if err := keep(root, header.Name, &header); err != nil {
			return err
		}
	}
	return nil
}

// opened is the directory that files are written to: those of one follow one another, and to walk down to it for each
// of them takes most of the time.
type opened struct {
	root, directory *os.Root
	name            string
}

func (o *opened) open(name string) (err error) {
	if o.directory != nil && o.name == name {
		return nil
	}
	o.close()
	if err := o.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	o.name = name
	o.directory, err = o.root.OpenRoot(name)
	return err
}

func (o *opened) close() {
	if o.directory != nil {
		o.directory.Close()
	}
	o.directory = nil
}

func unpackFile(directory *os.Root, archive io.Reader, name string, header *tar.Header) error {
	file, err := directory.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, archive)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return keep(directory, name, header)
}

// keep gives a file or directory the permissions and the time that it had.
func keep(directory *os.Root, name string, header *tar.Header) error {
	mode := fs.FileMode(header.Mode).Perm()
	for _, bit := range bits {
		if header.Mode&bit.header != 0 {
			mode |= bit.mode
		}
	}
	return errors.Join(directory.Chmod(name, mode), directory.Chtimes(name, header.ModTime, header.ModTime))
}

package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

const (
	// settled is how long ago a file was changed, at the least, that is known by its stamp: clocks of file systems are
	// coarse, so two changes one after the other may have one time.
	settled = 2 * time.Second
	// worthWriting is how many files were read that could have been known, at the least, before they are written down.
	worthWriting = 64
	// maxKnown is the largest file of known files that is read, in bytes: that of 10,000 files has 2 MB.
	maxKnown = 256 << 20
)

// Known is what is known of the files of working trees from earlier runs: git's index does the same. A file is the same
// if the kernel's account of it is, of which nobody can set back the time of the last change. The zero value keeps what
// it knows in memory; nil knows nothing, and reads everything.
type Known struct {
	Directory string // where it is kept for later runs, one file for each tree; "" = nowhere

	mu    sync.Mutex
	trees map[string]*knownTree // by absolute directory
}

// knownTree is what is known of one directory.
type knownTree struct {
	file   string // where it is kept; "" = nowhere
	device uint64

	mu    sync.Mutex
	files map[string]knownFile
	fresh int // how many are not in the file yet
}

// knownFile is a file, as it was read.
type knownFile struct {
	Stamp stamp
	Line  string // of a Listing
}

// stamp is the kernel's account of a file.
type stamp struct {
	Device, Inode    uint64
	Size             int64
	Modified, Change int64 // nanoseconds
	Mode             uint32
}

func stampOf(info *unix.Stat_t) stamp {
	return stamp{Device: info.Dev, Inode: info.Ino, Size: info.Size, Modified: info.Mtim.Nano(), Change: info.Ctim.Nano(),
		Mode: info.Mode}
}

// stampOfFile returns the zero value, which is of no device, where the kernel does not tell: it is never learned.
func stampOfFile(file *os.File) stamp {
	var info unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(int(file.Fd()), &info) }); err != nil {
		return stamp{}
	}
	return stampOf(&info)
}

// of returns what is known of a directory; nil where its files are not to be known by their stamps.
func (k *Known) of(root *os.Root) *knownTree {
	if k == nil {
		return nil
	}
	directory, err := filepath.Abs(root.Name())
	if err != nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if tree, ok := k.trees[directory]; ok {
		return tree
	}
	tree := k.read(directory)
	if k.trees == nil {
		k.trees = map[string]*knownTree{}
	}
	k.trees[directory] = tree
	return tree
}

// read returns nil for a directory on a file system with a clock of its own, or with none.
func (k *Known) read(directory string) *knownTree {
	var system unix.Statfs_t
	var info unix.Stat_t
	if unix.Statfs(directory, &system) != nil || unix.Stat(directory, &info) != nil || !slices.Contains([]int64{
		unix.BCACHEFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC, zfsMagic,
	}, int64(system.Type)) {
		return nil
	}
	tree := &knownTree{device: uint64(info.Dev), files: map[string]knownFile{}}
	if k.Directory == "" {
		return tree
	}
	name := sha256.Sum256([]byte(directory))
	tree.file = filepath.Join(k.Directory, hex.EncodeToString(name[:]))
	files := map[string]knownFile{}
	if data, err := regular.Read(tree.file, maxKnown); err == nil &&
		gob.NewDecoder(bytes.NewReader(data)).Decode(&files) == nil {
		tree.files = files
		cache.Touch(tree.file)
	}
	return tree
}

// zfsMagic is the type of ZFS, which is not part of Linux.
const zfsMagic = 0x2fc12fc1

// line returns what a file holds, if that is known.
func (t *knownTree) line(path string, now stamp) (string, bool) {
	if t == nil {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	file, ok := t.files[path]
	return file.Line, ok && file.Stamp == now
}

// learn takes note of a file that had one stamp before it was read, at some time, and afterwards.
func (t *knownTree) learn(path string, of stamp, at time.Time, line string) {
	if t == nil || of.Device != t.device || at.Sub(time.Unix(0, of.Change)) < settled {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[path] = knownFile{of, line}
	t.fresh++
}

// write keeps what is known for later runs, without the files that are gone. A cache that cannot be written to only
// makes the next run read more.
func (t *knownTree) write(there Listing) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == "" || t.fresh < worthWriting {
		return
	}
	maps.DeleteFunc(t.files, func(path string, _ knownFile) bool { _, ok := there[path]; return !ok })
	var data bytes.Buffer
	if gob.NewEncoder(&data).Encode(t.files) == nil && os.MkdirAll(filepath.Dir(t.file), 0o700) == nil &&
		regular.Replace(t.file, data.Bytes(), 0o600) == nil {
		t.fresh = 0
	}
}

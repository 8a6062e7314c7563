package checkout

import (
	"bufio"
	"io"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// indexEntry is a file as .git/index remembers it: with what stat said, so that git sees at a glance that nothing
// changed.
type indexEntry struct {
	path string
	mode Mode
	id   pack.ID
	stat unix.Stat_t
}

// writeIndex writes an index of version 2.
func writeIndex(w io.Writer, entries []indexEntry) error {
	all := &index.Index{Version: 2, Entries: make([]*index.Entry, 0, len(entries))}
	for _, e := range entries {
		all.Entries = append(all.Entries, &index.Entry{
			Name: e.path, Hash: plumbing.Hash(e.id), Mode: filemode.FileMode(e.mode), Size: uint32(e.stat.Size),
			CreatedAt: time.Unix(e.stat.Ctim.Unix()), ModifiedAt: time.Unix(e.stat.Mtim.Unix()),
			Dev: uint32(e.stat.Dev), Inode: uint32(e.stat.Ino), UID: e.stat.Uid, GID: e.stat.Gid,
		})
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := index.NewEncoder(out).Encode(all); err != nil {
		return err
	}
	return out.Flush()
}

package checkout

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"slices"
	"strings"

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
	slices.SortFunc(entries, func(a, b indexEntry) int { return strings.Compare(a.path, b.path) })
	sum := sha1.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	out.WriteString("DIRC")
	out.Write(binary.BigEndian.AppendUint32(nil, 2))
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(entries))))
	buf := make([]byte, 0, 256)
	for i := range entries {
		e := &entries[i]
		buf = buf[:0]
		for _, n := range []uint32{
			uint32(e.stat.Ctim.Sec), uint32(e.stat.Ctim.Nsec), uint32(e.stat.Mtim.Sec), uint32(e.stat.Mtim.Nsec),
			uint32(e.stat.Dev), uint32(e.stat.Ino), uint32(e.mode), e.stat.Uid, e.stat.Gid, uint32(e.stat.Size),
		} {
			buf = binary.BigEndian.AppendUint32(buf, n)
		}
		buf = append(buf, e.id[:]...)
		buf = binary.BigEndian.AppendUint16(buf, uint16(min(len(e.path), 0xfff)))
		buf = append(buf, e.path...)
		buf = append(buf, make([]byte, 8-len(buf)%8)...) // at least one zero ends the path
		out.Write(buf)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

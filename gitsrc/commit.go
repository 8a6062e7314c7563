package gitsrc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// commit is what is needed of a commit object.
type commit struct {
	tree    pack.ID
	parents []pack.ID
	author  string // name only
	time    time.Time
	message string
}

const maxParents = 10_000

// parseCommit takes a commit object apart.
func parseCommit(data []byte) (commit, error) {
	c := commit{time: time.Unix(0, 0).UTC()}
	head, message, _ := bytes.Cut(data, []byte("\n\n"))
	c.message = string(message)
	found := false
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		var err error
		switch key {
		case "tree":
			if found {
				return commit{}, fmt.Errorf("commit with two trees: %w", pack.ErrCorrupt)
			}
			found = true
			c.tree, err = pack.ParseID(value)
		case "parent":
			var id pack.ID
			id, err = pack.ParseID(value)
			if c.parents = append(c.parents, id); len(c.parents) > maxParents {
				err = fmt.Errorf("commit with more than %d parents", maxParents)
			}
		case "author":
			c.author, _, _ = strings.Cut(value, " <")
		case "committer":
			c.time = signatureTime(value)
		}
		if err != nil {
			return commit{}, fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
		}
	}
	if !found {
		return commit{}, fmt.Errorf("commit without tree: %w", pack.ErrCorrupt)
	}
	return c, nil
}

// signatureTime reads the seconds of "NAME <MAIL> SECONDS ZONE". Nonsense is the beginning of 1970, as git takes it.
func signatureTime(signature string) time.Time {
	fields := strings.Fields(signature[strings.LastIndexByte(signature, '>')+1:])
	if len(fields) > 0 {
		if seconds, err := strconv.ParseInt(fields[0], 10, 64); err == nil && seconds >= 0 && seconds < 1<<40 {
			return time.Unix(seconds, 0).UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

func readCommit(db *pack.Database, id pack.ID) (commit, error) {
	data, err := db.Read(id, pack.Commit)
	if err != nil {
		return commit{}, err
	}
	c, err := parseCommit(data)
	if err != nil {
		return commit{}, fmt.Errorf("commit %s: %w", id, err)
	}
	return c, nil
}

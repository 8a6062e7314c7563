package gitsrc

import (
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

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

// parseCommit takes a commit object apart.
func parseCommit(data []byte) (commit, error) {
	o := new(plumbing.MemoryObject)
	o.SetType(plumbing.CommitObject)
	if _, err := o.Write(data); err != nil {
		return commit{}, err
	}
	var decoded object.Commit
	if err := decoded.Decode(o); err != nil {
		return commit{}, fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	c := commit{tree: pack.ID(decoded.TreeHash), author: decoded.Author.Name, time: decoded.Committer.When.UTC(),
		message: decoded.Message}
	// nonsense, which git takes for the beginning of 1970
	if seconds := c.time.Unix(); seconds < 0 || seconds >= 1<<40 {
		c.time = time.Unix(0, 0).UTC()
	}
	for _, parent := range decoded.ParentHashes {
		c.parents = append(c.parents, pack.ID(parent))
	}
	return c, nil
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

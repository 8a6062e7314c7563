package gitsrc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
)

const tagPrefix = "refs/tags/"

// storeTags writes the tags that the server has to the packed-refs of the cache.
func (o *obtainer) storeTags() error {
	var lines strings.Builder
	lines.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for _, name := range o.refs.Names(tagPrefix) {
		if CheckRef(strings.TrimPrefix(name, tagPrefix)) != nil {
			continue // such a name could leave the directory of refs
		}
		fmt.Fprintf(&lines, "%s %s\n", o.refs.ByName[name], name)
		if peeled, ok := o.refs.Peeled[name]; ok {
			fmt.Fprintf(&lines, "^%s\n", peeled)
		}
	}
	return replaceFile(filepath.Join(o.path, "packed-refs"), lines.String())
}

// tags reads the tags that the cache knows.
func (r *repository) tags() ([]checkout.NamedID, error) {
	f, err := os.Open(filepath.Join(r.path, "packed-refs"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var tags []checkout.NamedID
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		peeled, isPeeled := strings.CutPrefix(line, "^")
		text, name, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case isPeeled && len(tags) > 0:
			tags[len(tags)-1].Peeled, err = pack.ParseID(peeled)
		case strings.HasPrefix(name, tagPrefix) && CheckRef(strings.TrimPrefix(name, tagPrefix)) == nil:
			tags = append(tags, checkout.NamedID{Name: name})
			tags[len(tags)-1].ID, err = pack.ParseID(text)
		default:
			err = pack.ErrCorrupt
		}
		if err != nil {
			return nil, fmt.Errorf("tags of the cache: %w", err)
		}
	}
	return tags, lines.Err()
}

// history adds to the .git of a checkout what the cache has besides the commit: packs and tags. It returns what git describe would say.
func (s *Store) history(ctx context.Context, db *pack.Database, f found, repo *checkout.Repository) (string, error) {
	tags, err := s.repository(f.address).tags()
	if err != nil {
		return "", err
	}
	names := map[pack.ID]string{}
	for _, tag := range tags {
		commit := tag.ID
		if tag.Peeled != (pack.ID{}) {
			commit = tag.Peeled
		}
		there := true
		for _, id := range []pack.ID{tag.ID, commit} {
			ok, err := db.Has(id)
			if err != nil {
				return "", err
			}
			there = there && ok
		}
		if !there {
			continue // a tag of another line of history
		}
		repo.Refs = append(repo.Refs, tag)
		names[commit] = strings.TrimPrefix(tag.Name, tagPrefix)
	}
	repo.Packs = db.Packs()
	return describeCommit(ctx, db, f.commit, names)
}

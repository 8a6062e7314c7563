package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Change is a pull request, or a commit, that one revision has and another lacks. Its texts are as their authors
// wrote them.
type Change struct {
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author,omitempty"`
	Subject string    `json:"subject"`        // of the pull request, without the keys of bugs
	Pull    int       `json:"pull,omitempty"` // number of the pull request; 0 = unknown
	Bugs    []string  `json:"bugs,omitempty"` // keys such as OCPBUGS-12, or the number of a Bugzilla bug
}

// Log is what changed between two commits, latest first.
type Log struct {
	Changes []Change `json:"changes"`
	// commits that belong to no pull request, where merges do not tell them apart
	Elided int `json:"elided,omitempty"`
}

// Log returns the changes that lead from one commit of a repository to another: the merges of pull requests on the
// branch's own line, as `oc adm release info --changelog` lists them, or the commits of pull requests where a
// repository squashes them.
func (s *Store) Log(ctx context.Context, repository, from, to string) (Log, error) {
	address, err := upstream(repository)
	if err != nil {
		return Log{}, fault.New(fault.Unresolved, "", err)
	}
	var ends [2]found
	for i, text := range []string{from, to} {
		if err := CheckCommit(text); err != nil {
			return Log{}, fault.New(fault.Unresolved, "", err)
		}
		id, err := pack.ParseID(text)
		if err != nil {
			return Log{}, fault.New(fault.Unresolved, "", err)
		}
		ends[i] = found{kind: Payload, address: address, commit: id}
	}
	log, err := s.compare(ctx, ends)
	if !errors.Is(err, errDamaged) {
		return log, err
	}
	if err := s.repair(ctx, address, err); err != nil {
		return Log{}, err
	}
	return s.compare(ctx, ends)
}

// compare fetches two commits with what leads to them and lists what changed between them.
func (s *Store) compare(ctx context.Context, ends [2]found) (Log, error) {
	for _, end := range ends {
		if err := s.ensure(ctx, end, levelCommits); err != nil {
			return Log{}, err
		}
	}
	db, shared, err := s.database(ctx, ends[1], levelCommits)
	if err != nil {
		return Log{}, err
	}
	defer shared.release()
	defer db.Close()
	log, err := changes(ctx, db, ends[0].commit, ends[1].commit)
	if err != nil {
		return Log{}, fmt.Errorf("comparing two commits of %s: %w", ends[0].address.Web(), inCache(err))
	}
	return log, nil
}

// ensure fetches a commit if it is missing.
func (s *Store) ensure(ctx context.Context, f found, l level) error {
	db, shared, err := s.database(ctx, f, l)
	if err != nil {
		return err
	}
	shared.release()
	return db.Close()
}

func changes(ctx context.Context, db *pack.Database, from, to pack.ID) (Log, error) {
	old, err := ancestors(ctx, db, from)
	if err != nil {
		return Log{}, err
	}
	var log Log
	for id := to; !old[id]; {
		c, err := readCommit(db, id)
		if errors.Is(err, pack.ErrNotFound) {
			break
		}
		if err != nil {
			return Log{}, err
		}
		if len(c.parents) > 1 {
			log.Changes = append(log.Changes, mergeChange(id, c))
		}
		if len(c.parents) == 0 {
			break
		}
		id = c.parents[0]
	}
	if len(log.Changes) > 0 {
		return log, nil
	}
	return squashed(ctx, db, old, to)
}

// squashed lists the commits that name a pull request, for repositories without merges.
func squashed(ctx context.Context, db *pack.Database, old map[pack.ID]bool, to pack.ID) (Log, error) {
	var log Log
	_, err := walkBack(ctx, db, []pack.ID{to}, old, func(id pack.ID, c commit) bool {
		if len(c.parents) > 1 {
			return true
		}
		change := describeChange(id, c, firstLine(c.message))
		if change.Pull == 0 {
			log.Elided++
			return true
		}
		log.Changes = append(log.Changes, change)
		return true
	})
	return log, err
}

func ancestors(ctx context.Context, db *pack.Database, id pack.ID) (map[pack.ID]bool, error) {
	return walkBack(ctx, db, []pack.ID{id}, nil, func(pack.ID, commit) bool { return true })
}

var (
	mergeSubject = regexp.Delayed(`^Merge pull request #([0-9]{1,9}) from `)
	squashNumber = regexp.Delayed(`\s*\(#([0-9]{1,9})\)$`)
	leadingTags  = regexp.Delayed(`^(\s*\[[^\]]*\])+\s*:?\s*`)
	bugzilla     = regexp.Delayed(`^(?i:bug)\s+([0-9]+(?:\s*,\s*[0-9]+)*)\s*:\s*`)
	jira         = regexp.Delayed(`^([A-Z][A-Z0-9]*-[0-9]+(?:\s*,\s*[A-Z][A-Z0-9]*-[0-9]+)*)\s*:\s*`)
)

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// mergeChange reads a merge as GitHub writes it: the number in the first line, the title of the pull request in the
// third.
func mergeChange(id pack.ID, c commit) Change {
	title := firstLine(c.message)
	m := mergeSubject.FindStringSubmatch(title)
	if _, body, ok := strings.Cut(c.message, "\n"); ok && m != nil {
		if line := firstLine(strings.TrimLeft(body, "\n")); line != "" {
			title = line
		}
	}
	change := describeChange(id, c, title)
	if m != nil {
		change.Pull, _ = strconv.Atoi(m[1]) // nine digits at most
	}
	return change
}

func describeChange(id pack.ID, c commit, title string) Change {
	change := Change{Commit: id.String(), Time: c.time, Author: c.author}
	if m := squashNumber.FindStringSubmatch(title); m != nil {
		change.Pull, _ = strconv.Atoi(m[1])
		title = strings.TrimSuffix(title, m[0])
	}
	plain := leadingTags.ReplaceAllString(title, "")
	for _, pattern := range []regexp.Regexp{bugzilla, jira} {
		if m := pattern.FindStringSubmatch(plain); m != nil {
			for key := range strings.SplitSeq(m[1], ",") {
				change.Bugs = append(change.Bugs, strings.TrimSpace(key))
			}
			plain = strings.TrimPrefix(plain, m[0])
			title = plain
			break
		}
	}
	slices.Sort(change.Bugs)
	change.Subject = title
	return change
}

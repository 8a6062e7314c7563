// Package changelog says what changed in the source between two payloads: the merged pull requests of each
// repository, the bugs that they mention, and the images of which no commit tells.
package changelog

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// parallel is how many repositories are fetched at once.
const parallel = 8

// Repository is what changed in one repository between two payloads.
type Repository struct {
	Repository string     `json:"repository"`
	From       string     `json:"from"`
	To         string     `json:"to"`
	Components []string   `json:"components"`
	Log        gitsrc.Log `json:"log"`
	Problem    string     `json:"problem,omitempty"` // why there is no log
}

// Histories reads what was merged into a repository between two commits.
type Histories interface {
	Log(ctx context.Context, repository, from, to string) (gitsrc.Log, error)
}

// Read reads the history of every repository whose commit differs. One that cannot be read is listed with the reason.
func Read(ctx context.Context, histories Histories, d payload.Diff) ([]*Repository, error) {
	byKey := map[string]*Repository{}
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		image := d.Images[name]
		if image.From == nil || image.To == nil || image.Rebuilt() || image.From.Source == "" ||
			image.From.Source != image.To.Source ||
			image.From.Commit == image.To.Commit || image.From.Commit == "" || image.To.Commit == "" {
			continue
		}
		key := image.To.Source + " " + image.From.Commit + " " + image.To.Commit
		if byKey[key] == nil {
			byKey[key] = &Repository{Repository: image.To.Source, From: image.From.Commit, To: image.To.Commit}
		}
		byKey[key].Components = append(byKey[key].Components, name)
	}
	logs := slices.SortedFunc(maps.Values(byKey), func(a, b *Repository) int {
		return cmp.Or(strings.Compare(a.Repository, b.Repository), strings.Compare(a.From+a.To, b.From+b.To))
	})
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, log := range logs {
		group.Go(func() (err error) {
			if log.Log, err = histories.Log(groupContext, log.Repository, log.From, log.To); err != nil {
				if fault.KindOf(err) == fault.Interrupted {
					return err
				}
				log.Problem = err.Error()
			}
			return nil
		})
	}
	return logs, group.Wait()
}

// WriteMarkdown writes the change log as release pages have it.
func WriteMarkdown(w io.Writer, d payload.Diff, logs []*Repository) error {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(plain.Line(fmt.Sprintf(format, args...)) + "\n") }
	line("# %s", d.To.Name)
	line("")
	line("Created: %s", d.To.Image.Config.Created.UTC().Format(time.RFC3339))
	line("")
	line("Image Digest: `%s`", d.To.Image.TopDigest())
	line("")
	if from := d.To.PromotedFrom(); from != "" {
		line("Promoted from %s", from)
		line("")
	}
	line("## Changes from %s", d.From.Name)
	line("")
	if all := versions(d); len(all) > 0 {
		line("### Components")
		line("")
		for _, version := range all {
			text := version.Name + " " + version.Version
			if version.From != "" {
				text = version.Name + " upgraded from " + version.From + " to " + version.Version
			}
			line("* %s", text)
		}
		line("")
	}
	gateSection(line, d)
	imageSections(line, d)
	for _, log := range logs {
		logSection(line, log)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the changelog: %w", err)
	}
	return nil
}

// imageSections lists images whose source says nothing of what changed.
func imageSections(line func(string, ...any), d payload.Diff) {
	sections := map[string][]payload.ImageDiff{}
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		image := d.Images[name]
		switch {
		case image.From == nil:
			sections["### New images"] = append(sections["### New images"], image)
		case image.To == nil:
			sections["### Removed images"] = append(sections["### Removed images"], image)
		case image.To.Change != "":
			sections["### Images with source that is not committed"] = append(sections["### Images with source that is not committed"], image)
		case image.Rebuilt():
			sections["### Rebuilt images without code change"] = append(sections["### Rebuilt images without code change"], image)
		}
	}
	for _, heading := range slices.Sorted(maps.Keys(sections)) {
		line("%s", heading)
		line("")
		for _, image := range sections[heading] {
			line("* %s", shortly(image))
		}
		line("")
	}
}

// shortly names an image with links to its source and its commit, and its digest.
func shortly(image payload.ImageDiff) string {
	if image.To == nil {
		return image.Name
	}
	info := imageInfo(*image.To)
	name := info.Name
	switch {
	case info.Path != "" && info.Commit != "":
		name = fmt.Sprintf("[%s](%s) git [%s](%s)", name, info.Path, info.ShortCommit, image.To.CommitURL())
	case info.Path != "":
		name = fmt.Sprintf("[%s](%s)", name, info.Path)
	}
	return strings.TrimSpace(fmt.Sprintf("%s `%s` %s", name, info.ImageRef, image.ChangeNote()))
}

func logSection(line func(string, ...any), log *Repository) {
	info := log.describe()
	if info.Path == "" {
		line("### %s", info.Name)
	} else {
		line("### [%s](%s)", info.Name, info.Path)
	}
	line("")
	for _, change := range log.Log.Changes {
		text := change.Subject
		if len(change.Bugs) > 0 {
			text = strings.Join(mapped(change.Bugs, bugLink), ", ") + ": " + text
		}
		switch {
		case change.Pull > 0:
			text += fmt.Sprintf(" [#%d](%s/pull/%d)", change.Pull, log.Repository, change.Pull)
		case info.Path != "":
			text += fmt.Sprintf(" [%s](%s/commit/%s)", short(change.Commit), log.Repository, short(change.Commit))
		default:
			text += " " + short(change.Commit)
		}
		line("* %s", text)
	}
	if log.Log.Elided > 0 {
		line("* And %d commits that name no pull request", log.Log.Elided)
	}
	if log.Problem != "" {
		line("* The history cannot be shown: %s", log.Problem)
	}
	if info.FullChangeLog == "" {
		line("* %s from %s to %s", log.Repository, short(log.From), short(log.To))
	} else {
		line("* [Full changelog](%s)", info.FullChangeLog)
	}
	line("")
}

func mapped(list []string, f func(string) string) []string {
	var out []string
	for _, item := range list {
		out = append(out, f(item))
	}
	return out
}

// bugLink is a bug as a link: keys are Jira's, numbers Bugzilla's.
func bugLink(key string) string { return "[" + key + "](" + bugURL(key) + ")" }

func bugURL(key string) string {
	if _, err := strconv.Atoi(key); err == nil {
		return "https://bugzilla.redhat.com/show_bug.cgi?id=" + key
	}
	return "https://issues.redhat.com/browse/" + key
}

// Bug is a bug that the changes between two payloads mention.
type Bug struct {
	Key          string   `json:"key"`
	URL          string   `json:"url"`
	Repositories []string `json:"repositories"`
}

// Err says which repositories have no log.
func Err(logs []*Repository) error {
	var missing []string
	for _, log := range logs {
		if log.Problem != "" {
			missing = append(missing, log.Repository)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fault.Errorf(fault.Unresolved, "the history of %d repositories cannot be shown: %s", len(missing),
		strings.Join(missing, ", "))
}

// isBug tells whether a key is one of a bug: Bugzilla's numbers, and OpenShift's own projects in Jira. Other keys are
// stories, epics and tasks.
func isBug(key string) bool {
	_, err := strconv.Atoi(key)
	return err == nil || strings.HasPrefix(key, "OCPBUGS-") || strings.HasPrefix(key, "OCPBUGSM-")
}

// Bugs lists the bugs that are mentioned, by key.
func Bugs(logs []*Repository) []*Bug {
	byKey := map[string]*Bug{}
	for _, log := range logs {
		for _, change := range log.Log.Changes {
			for _, key := range change.Bugs {
				if !isBug(key) {
					continue
				}
				if byKey[key] == nil {
					byKey[key] = &Bug{Key: key, URL: bugURL(key)}
				}
				if !slices.Contains(byKey[key].Repositories, log.Repository) {
					byKey[key].Repositories = append(byKey[key].Repositories, log.Repository)
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b *Bug) int { return strings.Compare(a.Key, b.Key) })
}

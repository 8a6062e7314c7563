package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
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

// clones is how many repositories are fetched at once.
const clones = 8

// repositoryLog is what changed in one repository between two payloads.
type repositoryLog struct {
	Repository string     `json:"repository"`
	From       string     `json:"from"`
	To         string     `json:"to"`
	Components []string   `json:"components"`
	Log        gitsrc.Log `json:"log"`
	Problem    string     `json:"problem,omitempty"` // why there is no log
}

// openSources opens the cache of git repositories, in a directory of its own if one is named.
func openSources(directory, cacheDir string) (*gitsrc.Store, error) {
	if directory == "" {
		cache, err := cacheDirectory(cacheDir)
		if err != nil {
			return nil, err
		}
		directory = filepath.Join(cache, "git")
	}
	return gitsrc.Open(directory, gitsrc.Options{})
}

// history prints the changes of the source between two payloads: as Markdown, or the bugs alone.
func (o *infoOptions) history(ctx context.Context, w io.Writer, d payload.Diff) (err error) {
	directory := o.changelog
	if o.bugs != unset {
		directory = o.bugs
	}
	if directory == inCache {
		directory = ""
	}
	store, err := openSources(directory, o.cacheDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	logs, err := repositoryLogs(ctx, store, d)
	if err != nil {
		return err
	}
	form, template, _ := strings.Cut(o.output, "=")
	switch {
	case o.bugs != unset:
		return o.printBugs(w, form, template, logs)
	case form == "" || form == "text":
		return printChangelog(w, d, logs)
	}
	return writeForm(w, form, template, map[string]any{"from": d.From.Info(), "to": d.To.Info(), "repositories": logs})
}

// repositoryLogs reads the history of every repository whose commit differs. One that cannot be read is listed with the reason.
func repositoryLogs(ctx context.Context, store *gitsrc.Store, d payload.Diff) ([]*repositoryLog, error) {
	byKey := map[string]*repositoryLog{}
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		image := d.Images[name]
		if image.From == nil || image.To == nil || image.Rebuilt() || image.From.Source == "" || image.From.Source != image.To.Source ||
			image.From.Commit == image.To.Commit || image.From.Commit == "" || image.To.Commit == "" {
			continue
		}
		key := image.To.Source + " " + image.From.Commit + " " + image.To.Commit
		if byKey[key] == nil {
			byKey[key] = &repositoryLog{Repository: image.To.Source, From: image.From.Commit, To: image.To.Commit}
		}
		byKey[key].Components = append(byKey[key].Components, name)
	}
	logs := slices.SortedFunc(maps.Values(byKey), func(a, b *repositoryLog) int {
		return cmp.Or(strings.Compare(a.Repository, b.Repository), strings.Compare(a.From+a.To, b.From+b.To))
	})
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(clones)
	for _, log := range logs {
		group.Go(func() (err error) {
			if log.Log, err = store.Log(groupContext, log.Repository, log.From, log.To); err != nil {
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

// printChangelog writes Markdown.
func printChangelog(w io.Writer, d payload.Diff, logs []*repositoryLog) error {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(plain.Line(fmt.Sprintf(format, args...)) + "\n") }
	line("# %s", d.To.Name)
	line("")
	line("Created: %s", d.To.Image.Config.Created.UTC().Format(time.RFC3339))
	line("")
	line("Image Digest: `%s`", d.To.Image.TopDigest())
	line("")
	line("## Changes from %s", d.From.Name)
	line("")
	before, _, _ := d.From.Versions()
	after, _, _ := d.To.Versions()
	if len(after) > 0 {
		line("### Components")
		line("")
		for _, key := range slices.Sorted(maps.Keys(after)) {
			text := cmp.Or(after[key].DisplayName, key) + " " + after[key].Version
			if old := before[key].Version; old != "" && old != after[key].Version {
				text = cmp.Or(after[key].DisplayName, key) + " upgraded from " + old + " to " + after[key].Version
			}
			line("* %s", text)
		}
		line("")
	}
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
			line("* %s `%s`", image.Name, strings.TrimSpace(image.CommitsURL()+" "+changeNote(image)))
		}
		line("")
	}
}

func logSection(line func(string, ...any), log *repositoryLog) {
	line("### [%s](%s)", strings.Join(log.Components, ", "), log.Repository)
	line("")
	for _, change := range log.Log.Changes {
		text := change.Subject
		if len(change.Bugs) > 0 {
			text = strings.Join(mapped(change.Bugs, bugLink), ", ") + ": " + text
		}
		if change.Pull > 0 {
			text += fmt.Sprintf(" [#%d](%s/pull/%d)", change.Pull, log.Repository, change.Pull)
		}
		line("* %s", text)
	}
	if log.Log.Elided > 0 {
		line("* And %d other commits", log.Log.Elided)
	}
	if log.Problem != "" {
		line("* The history cannot be shown: %s", log.Problem)
	}
	line("* [Full changelog](%s/compare/%s...%s)", log.Repository, log.From, log.To)
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

// bug is a bug that the changes between two payloads mention.
type bug struct {
	Key          string   `json:"key"`
	URL          string   `json:"url"`
	Repositories []string `json:"repositories"`
}

func (o *infoOptions) printBugs(w io.Writer, form, template string, logs []*repositoryLog) error {
	byKey := map[string]*bug{}
	for _, log := range logs {
		for _, change := range log.Log.Changes {
			for _, key := range change.Bugs {
				if byKey[key] == nil {
					byKey[key] = &bug{Key: key, URL: bugURL(key)}
				}
				if !slices.Contains(byKey[key].Repositories, log.Repository) {
					byKey[key].Repositories = append(byKey[key].Repositories, log.Repository)
				}
			}
		}
	}
	bugs := slices.SortedFunc(maps.Values(byKey), func(a, b *bug) int { return strings.Compare(a.Key, b.Key) })
	switch form {
	case "", "text":
		t := newTable(infoPadding)
		t.row("BUG", "URL", "REPOSITORIES")
		for _, bug := range bugs {
			t.row(bug.Key, bug.URL, strings.Join(bug.Repositories, ", "))
		}
		return t.write(w)
	case "name":
		for _, bug := range bugs {
			if err := printLine(w, bug.Key); err != nil {
				return err
			}
		}
		return nil
	}
	return writeForm(w, form, template, bugs)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

// sources is the kind of the repositories that were fetched, beside the kinds of package cache.
const sources = "sources"

// cacheOptions are the flags of cache and cache prune.
type cacheOptions struct {
	jobOptions
	olderThan string
	keep      string
	all       bool
	results   string
}

func newCache(streams Streams) *cobra.Command {
	var o cacheOptions
	command := &cobra.Command{
		Use:   "cache",
		Short: "Show what is cached for later runs",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runCache(streams, &o)
		},
	}
	applyCacheDir(command.Flags(), &o.cacheDir)
	o.output.apply(command.Flags(), "text, "+structured)
	command.AddCommand(newCachePrune(streams))
	return command
}

func newCachePrune(streams Streams) *cobra.Command {
	var o cacheOptions
	command := &cobra.Command{
		Use:   "prune",
		Short: "Remove what has not been used for a while",
		Long: `Remove what has not been used for a while: fetched sources, finished builds and their layers, compile caches, kept stages, logs, and what
killed runs left in the temporary directory and in the containers storage: mounts, containers, files. It waits for other runs to
end. Base images are in the containers storage, where podman and buildah prune them.

With --results, nothing on this machine is removed, only the tags by which others find what was built, if the image's commit is that old.
The images stay for the payloads that name them.`,
		Example: `  oc rebuild cache prune --older-than 7d
  oc rebuild cache prune --results quay.io/me/results --older-than 90d`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			if o.results != "" {
				return runForgetResults(command.Context(), streams, &o)
			}
			return runCachePrune(command.Context(), streams, &o)
		},
	}
	command.Flags().StringVar(&o.olderThan, "older-than", "30d",
		"`AGE` since the last use: days (7d), or hours and minutes (12h30m)")
	command.Flags().StringVar(&o.keep, "keep", "",
		"maximum `SIZE` of the cache afterwards, such as 10GB or 10GiB: the least recently used goes first")
	command.Flags().BoolVar(&o.all, "all", false, "remove everything")
	command.Flags().StringVar(&o.results, "results", "",
		"`REPOSITORY` of --results to prune, instead of this machine")
	applyCacheDir(command.Flags(), &o.cacheDir)
	o.build.applyStorage(command.Flags())
	o.registry.apply(command.Flags())
	o.registry.applyPush(command.Flags())
	o.output.apply(command.Flags(), "text, "+structured)
	return command
}

// runCache lists the cache.
func runCache(streams Streams, o *cacheOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	directory, err := o.cache()
	if err != nil {
		return err
	}
	entries, err := listCache(directory)
	if err != nil {
		return err
	}
	return o.print(streams.Out, entries)
}

// listCache lists the fetched repositories and all else.
func listCache(directory string) ([]cache.Entry, error) {
	entries, err := cache.List(directory)
	if err != nil {
		return nil, err
	}
	var repositories []gitsrc.Cached
	err = withSources(directory, func(fetched *gitsrc.Store) (err error) {
		repositories, err = fetched.List()
		return err
	})
	return append(sourceEntries(repositories), entries...), err
}

// withSources calls f with the cache of sources, where there is one.
func withSources(directory string, f func(*gitsrc.Store) error) error {
	if _, err := os.Stat(filepath.Join(directory, "git")); err != nil {
		return nil
	}
	fetched, err := gitsrc.Open(filepath.Join(directory, "git"), gitsrc.Options{})
	if err != nil {
		return err
	}
	return errors.Join(f(fetched), fetched.Close())
}

// runCachePrune removes what is old.
func runCachePrune(ctx context.Context, streams Streams, o *cacheOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	directory, err := o.cache()
	if err != nil {
		return err
	}
	if err := cache.CheckMark(directory); err != nil {
		return err
	}
	before, err := o.before(directory)
	if err != nil {
		return err
	}
	if err := builder.EnterUserNamespace(ctx); err != nil { // compile caches hold files of the users that steps ran as
		return err
	}
	cleared := o.clear(ctx) // first, since a container of a killed run may still write to a compile cache
	forget := func() error { return image.ForgetStages(ctx, directory, before) }
	removed, err := cache.Prune(ctx, directory, before, forget, func() {
		fmt.Fprintln(streams.Err, "waiting for another run to end")
	})
	var repositories []gitsrc.Cached
	err = errors.Join(cleared, err, withSources(directory, func(fetched *gitsrc.Store) (err error) {
		repositories, err = fetched.Prune(ctx, before)
		return err
	}))
	return errors.Join(err, o.print(streams.Out, append(sourceEntries(repositories), removed...)))
}

// runForgetResults prunes what others find in a registry.
func runForgetResults(ctx context.Context, streams Streams, o *cacheOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	if o.keep != "" {
		return fault.Errorf(fault.Usage,
			"--keep and --results exclude each other: layers in a registry have several owners")
	}
	before, err := o.before("") // --keep alone asks for the directory
	if err != nil {
		return err
	}
	_, pushing, closeClients, err := o.registry.clients(func(text string) { fmt.Fprintln(streams.Err, text) })
	if err != nil {
		return err
	}
	removed, err := image.ForgetResults(ctx, pushing, o.results, before)
	return errors.Join(err, closeClients(), o.print(streams.Out, removed))
}

// before is when something must have been used last to be removed.
func (o *cacheOptions) before(directory string) (time.Time, error) {
	age, err := parseAge(o.olderThan)
	if err != nil || o.all {
		return time.Now().Add(time.Hour), err
	}
	before := time.Now().Add(-age)
	if o.keep == "" {
		return before, nil
	}
	size, err := parseSize(o.keep)
	if err != nil {
		return time.Time{}, err
	}
	entries, err := listCache(directory)
	if bySize := cache.Before(entries, size); bySize.After(before) {
		before = bySize
	}
	return before, err
}

// parseSize reads a number of bytes: 1GB is 10⁹, 1GiB 2³⁰.
func parseSize(text string) (int64, error) {
	parse := units.FromHumanSize
	if strings.ContainsAny(text, "iI") {
		parse = units.RAMInBytes
	}
	size, err := parse(text)
	if err != nil || size < 0 {
		return 0, fault.Errorf(fault.Usage, "--keep %q: want a size such as 500MB or 10GiB", text)
	}
	return size, nil
}

// clear removes what runs that were killed left in the temporary directory and in the containers storage.
func (o *cacheOptions) clear(ctx context.Context) error {
	if _, err := scratch.Clear(ctx); err != nil {
		return err
	}
	return builder.Clear(o.build.builder(os.TempDir()))
}

// sourceEntries describes fetched repositories as the cache's other entries are.
func sourceEntries(repositories []gitsrc.Cached) []cache.Entry {
	var entries []cache.Entry
	for _, r := range repositories {
		entries = append(entries, cache.Entry{Kind: sources, Name: r.Repository, Path: r.Directory, Bytes: r.Bytes,
			LastUsed: r.LastUsed})
	}
	return entries
}

// print writes entries: for people those of one kind that have no telling names as one line.
func (o *cacheOptions) print(w io.Writer, entries []cache.Entry) error {
	if !o.output.isStructured() {
		return printEntries(w, entries)
	}
	return o.output.print(w, append([]cache.Entry{}, entries...))
}

func printEntries(w io.Writer, entries []cache.Entry) error {
	var lines []cache.Entry
	counts := map[string]int{}
	var total int64
	for _, entry := range entries {
		total += entry.Bytes
		counts[entry.Kind]++
		last := len(lines) - 1
		if entry.Kind == sources || entry.Kind == cache.Compile || last < 0 || lines[last].Kind != entry.Kind {
			lines = append(lines, entry)
			continue
		}
		lines[last].Bytes += entry.Bytes
		if entry.LastUsed.After(lines[last].LastUsed) {
			lines[last].LastUsed = entry.LastUsed
		}
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, line := range lines {
		name := plain.Line(line.Name)
		if line.Kind != sources && line.Kind != cache.Compile {
			name = strconv.Itoa(counts[line.Kind]) + " files"
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f MB\t%s\n", line.Kind, name, float64(line.Bytes)/1e6,
			line.LastUsed.Local().Format("2006-01-02 15:04"))
	}
	fmt.Fprintf(table, "total\t\t%.1f MB\t\n", float64(total)/1e6)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	return nil
}

// parseAge reads a duration that may be in days.
func parseAge(text string) (time.Duration, error) {
	if days, found := strings.CutSuffix(text, "d"); found {
		count, err := strconv.ParseUint(days, 10, 16)
		if err == nil {
			return time.Duration(count) * 24 * time.Hour, nil
		}
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, fault.Errorf(fault.Usage, "--older-than %q: want an age such as 7d or 12h", text)
	}
	return age, nil
}

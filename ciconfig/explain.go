package ciconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// chooseAdvice names the flags that settle which config is meant.
const chooseAdvice = "choose with --config FILE, --config-image NAME or --variant NAME"

// errNone is a search in which no config was found.
var errNone = errors.New("no config promotes")

// none is the error of a search in which no config was found.
func (q Query) none() error {
	return fmt.Errorf("%w %s", errNone, q.Stream.Canonical().Tag(q.Tag))
}

// explain turns a failed choice into an error for the user, with what the tree has instead.
func (t *Tree) explain(ctx context.Context, query search, names []string, err error) error {
	text := fmt.Sprintf("%s: the component %q", t.origin, query.Tag)
	if query.Repo != "" {
		text += fmt.Sprintf(" of %s/%s", query.Org, query.Repo)
	}
	if errors.Is(err, errNone) && query.Repo != "" {
		switch others := t.elsewhere(ctx, query); {
		case len(others) > 0:
			err = fmt.Errorf("%w, but other repositories do:\n  %s", err, strings.Join(others, "\n  "))
		case len(names) == 0:
			err = fmt.Errorf("%w: the tree has no config for this repository", err)
		default:
			err = fmt.Errorf("%w; the repository has:\n  %s", err, strings.Join(t.shortcomings(names, query), "\n  "))
		}
	}
	return fault.New(fault.Unresolved, chooseAdvice, fmt.Errorf("%s: %w", text, err))
}

// shortcomings says of each config of a repository why it is not the one. A list that is too long to read is cut.
func (t *Tree) shortcomings(names []string, query search) []string {
	const most = 20
	lines := slices.Clone(names[:min(len(names), most)])
	for i, name := range lines {
		config, err := t.Config(name)
		if err != nil {
			lines[i] += ": cannot be read: " + strings.TrimPrefix(err.Error(), name+": ")
			continue
		}
		lines[i] += ": " + query.shortcoming(config)
	}
	if len(names) > most {
		lines = append(lines, fmt.Sprintf("… and %d more", len(names)-most))
	}
	return lines
}

// shortcoming says why a config is not the one that is looked for.
func (q search) shortcoming(config *Config) string {
	if q.Variant != "" && config.Metadata.Variant != q.Variant {
		return fmt.Sprintf("is not of the variant %q", q.Variant)
	}
	if q.Image != "" {
		return fmt.Sprintf("has no image %q", q.Image)
	}
	at := slices.IndexFunc(config.Images, func(i Image) bool { return i.To == q.Tag })
	var streams []string
	for _, target := range config.Promotion.Targets {
		to := Stream{target.Namespace, target.Name}
		switch {
		case target.Name == "":
			streams = append(streams, ImageRef{target.Namespace, "…", target.Tag}.String())
		case !slices.Contains(q.streams, to):
			streams = append(streams, to.String())
		case at < 0:
			return fmt.Sprintf("promotes to %s, but has no image %q", to, q.Tag)
		case config.Images[at].Optional:
			return fmt.Sprintf("promotes to %s, but its image %q is optional, and so left out", to, q.Tag)
		default:
			return fmt.Sprintf("promotes to %s, but excludes %q", to, q.Tag)
		}
	}
	if len(streams) == 0 {
		return "promotes nothing"
	}
	return "promotes to " + strings.Join(streams, ", ")
}

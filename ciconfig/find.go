package ciconfig

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Query says what is looked for: the image that a payload has under a tag.
type Query struct {
	Stream  Stream // stream that the payload was made from
	Tag     string // the payload's name for the image
	Org     string // repository that the payload names as its source; "" if it names none
	Repo    string
	Ref     string // branch that the payload names; "" for builds outside CI
	Variant string // --variant: only configs of this variant
	Image   string // --image: this image of the config, promoted or not
}

// Match is the answer to a query.
type Match struct {
	Metadata
	Path   string   // of the config in its source
	Origin string   // the source
	Image  string   // pipeline tag
	To     ImageRef // promoted image that decided; zero where none did
	Config *Config
	Reason string // why this config, in words
}

// Recipe returns how the image that was found is built.
func (m Match) Recipe() (Recipe, error) {
	recipe, err := m.Config.Recipe(m.Image)
	recipe.Origin = m.Origin
	return recipe, err
}

// candidate is a config that may be the answer.
type candidate struct {
	config  *Config
	found   Promoted
	stream  int // rank of the stream in Query.Stream.Candidates
	promote bool
}

// Find looks in the configs of the payload's repository for the one that promotes the tag to the payload's stream, or to a stream that
// this one falls back on. Where the query names no repository, the whole tree is searched. Of several, the first of these wins: same
// variant as the stream's, branch as in the payload, enabled promotion, a branch release-X.Y or openshift-X.Y of the stream's version,
// main or master. None, and several that are equal, is an error of class Unresolved that lists candidates.
func (t *Tree) Find(ctx context.Context, query Query) (Match, error) {
	query = query.normal()
	if err := t.check(); err != nil {
		return Match{}, err
	}
	names, err := t.names(ctx, query)
	if err != nil {
		return Match{}, err
	}
	configs := make([]*Config, 0, 4)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return Match{}, err
		}
		if !t.mentions(name, query) {
			continue
		}
		config, err := t.Config(name)
		if err != nil {
			return Match{}, err
		}
		configs = append(configs, config)
	}
	match, err := query.choose(configs)
	if err != nil {
		return Match{}, t.explain(ctx, query, names, err)
	}
	match.Origin = t.origin
	return match, nil
}

// normal maps the private twins to the public repositories and streams.
func (q Query) normal() Query {
	if q.Org == "openshift-priv" {
		q.Org = "openshift"
	}
	return q
}

// names lists the files to look into.
func (t *Tree) names(ctx context.Context, query Query) ([]string, error) {
	if query.Org == "" && query.Repo == "" {
		return t.promoters(ctx, query.Stream)
	}
	return t.list(query.Org, query.Repo)
}

// mentions reports whether a config can be the answer at all, by looking for the names in its bytes: parsing costs a hundred times more.
// Files that cannot be read are left to the parser, which says why.
func (t *Tree) mentions(name string, query Query) bool {
	if query.Variant != "" && !strings.HasSuffix(name, "__"+query.Variant+".yaml") {
		return false
	}
	if t.isParsed(name) {
		return true
	}
	data, err := readRegular(t.files, name, MaxConfigSize)
	if err != nil {
		return true
	}
	if query.Image != "" {
		return bytes.Contains(data, []byte(query.Image))
	}
	return bytes.Contains(data, []byte(query.Tag)) && query.Stream.within(promotionSection(data))
}

// choose picks the best of the configs.
func (q Query) choose(configs []*Config) (Match, error) {
	var fit []candidate
	for _, config := range configs {
		if one, ok := q.consider(config); ok {
			fit = append(fit, one)
		}
	}
	if len(fit) == 0 {
		return Match{}, fmt.Errorf("no config promotes %s", q.Stream.Canonical().Tag(q.Tag))
	}
	slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(q.rank(a), q.rank(b)) })
	if len(fit) > 1 && q.rank(fit[0]) == q.rank(fit[1]) {
		return Match{}, q.ambiguous(fit)
	}
	best := fit[0]
	match := Match{Metadata: best.config.Metadata, Path: best.config.Name, Image: best.found.Image, To: best.found.To, Config: best.config}
	match.Reason = q.reason(best, len(fit))
	return match, nil
}

// consider reports whether a config can be the answer, and by which promotion.
func (q Query) consider(config *Config) (candidate, bool) {
	if q.Variant != "" && config.Metadata.Variant != q.Variant {
		return candidate{}, false
	}
	for rank, stream := range q.Stream.Candidates() {
		found, ok := config.promotesTo(stream.Tag(q.Tag))
		if ok && (q.Image == "" || q.Image == found.Image) {
			return candidate{config, found, rank, true}, true
		}
	}
	if step, ok := config.step(q.Image); q.Image != "" && ok && step.Kind != StepInput {
		return candidate{config: config, found: Promoted{Image: q.Image}, stream: len(q.Stream.Candidates())}, true
	}
	return candidate{}, false
}

// rank orders candidates, the best first; equal ranks are ambiguous.
func (q Query) rank(c candidate) int {
	m := c.config.Metadata
	rank := c.stream * 1000
	if m.Variant != q.Stream.variant() && c.stream == 0 {
		rank += 400
	} else if m.Variant != "" && c.stream > 0 {
		rank += 400
	}
	switch {
	case q.Ref != "" && m.Branch == q.Ref:
	case q.Ref != "" && serves(m.Branch, q.Ref):
		rank += 1
	default:
		rank += 200
	}
	if c.found.Disabled {
		rank += 100
	}
	switch version := q.Stream.Version(); {
	case version != "" && (m.Branch == "release-"+version || m.Branch == "openshift-"+version):
	case m.Branch == "main" || m.Branch == "master":
		rank += 10
	default:
		rank += 20
	}
	return rank
}

// reason says why a candidate was taken.
func (q Query) reason(c candidate, of int) string {
	text := "--image chooses it"
	if c.promote {
		text = "it promotes " + c.found.To.String()
	}
	if c.found.Disabled {
		text += " (promotion switched off)"
	}
	if q.Ref != "" && serves(c.config.Metadata.Branch, q.Ref) {
		text += ", and the payload names the branch " + q.Ref
	}
	if of > 1 {
		text += fmt.Sprintf("; the best of %d that fit", of)
	}
	return text
}

// ambiguous lists the candidates that are equally good.
func (q Query) ambiguous(fit []candidate) error {
	var lines []string
	for _, one := range fit {
		if q.rank(one) == q.rank(fit[0]) {
			lines = append(lines, "  "+one.config.Name+" (image "+one.found.Image+")")
		}
	}
	return fmt.Errorf("%d configs promote %s, and none is better than the others:\n%s", len(lines), fit[0].found.To, strings.Join(lines, "\n"))
}

// chooseAdvice names the flags that settle which config is meant.
const chooseAdvice = "choose with --config FILE, --image NAME or --variant NAME"

// explain turns a failed choice into an error for the user, with what the tree has instead.
func (t *Tree) explain(ctx context.Context, query Query, names []string, err error) error {
	text := fmt.Sprintf("%s: the component %q", t.origin, query.Tag)
	if query.Repo != "" {
		text += fmt.Sprintf(" of %s/%s", query.Org, query.Repo)
	}
	var others []string
	if query.Repo != "" {
		others = t.elsewhere(ctx, query)
	}
	switch {
	case len(others) > 0:
		err = fmt.Errorf("%w, but other repositories do:\n  %s", err, strings.Join(others, "\n  "))
	case query.Repo != "" && len(names) == 0:
		err = fmt.Errorf("%w: the tree has no config for this repository", err)
	case query.Repo != "" && !strings.Contains(err.Error(), "\n"):
		err = fmt.Errorf("%w; the repository has:\n  %s", err, strings.Join(shorten(names), "\n  "))
	}
	return fault.New(fault.Unresolved, chooseAdvice, fmt.Errorf("%s: %w", text, err))
}

// shorten keeps the list of candidates readable.
func shorten(names []string) []string {
	const most = 20
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("… and %d more", len(names)-most))
}

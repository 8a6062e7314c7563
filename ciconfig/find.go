package ciconfig

import (
	"bytes"
	"context"
	"strings"
)

// Query says what is looked for: the image that a payload has under a tag.
type Query struct {
	Stream  Stream // stream that the payload was made from
	Tag     string // the payload's name for the image
	Org     string // repository that the payload names as its source; "" if it names none
	Repo    string
	Ref     string // branch that the payload names; "" for builds outside CI
	Branch  string // branch whose source is built in place of the payload's commit; "" = none, or it is not known
	Variant string // --variant: only configs of this variant
	Image   string // --config-image: this image of the config, promoted or not
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

	OfBranch bool // it is the config of Query.Branch
}

// Recipe returns how the image that was found is built.
func (m Match) Recipe() (Recipe, error) {
	recipe, err := m.Config.Recipe(m.Image)
	recipe.Origin = m.Origin
	return recipe, err
}

// Find looks in the configs of the payload's repository for the one that promotes the tag to the payload's stream, or
// to a stream that this one falls back on. Where the query names no repository, the whole tree is searched. Of several,
// the first of these wins: same variant as the stream's, branch as in the payload, enabled promotion, a branch
// release-X.Y or openshift-X.Y of the stream's version, main or master. None, and several that are equal, is an error
// of class Unresolved that lists candidates. Where the source of another branch is built, a config of that branch that
// builds the component, whatever stream it promotes to, comes before them all.
func (t *Tree) Find(ctx context.Context, query Query) (Match, error) {
	search := newSearch(query)
	if err := t.check(); err != nil {
		return Match{}, err
	}
	names, err := t.names(ctx, search)
	if err != nil {
		return Match{}, err
	}
	configs := make([]*Config, 0, 4)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return Match{}, err
		}
		if !t.mentions(name, search) {
			continue
		}
		config, err := t.Config(name)
		if err != nil {
			return Match{}, err
		}
		configs = append(configs, config)
	}
	match, err := search.choose(configs)
	if err != nil {
		return Match{}, t.explain(ctx, search, names, err)
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

// search is a query with what is worked out of it once.
type search struct {
	Query
	streams []Stream // Query.Stream.Candidates
}

// newSearch prepares a query.
func newSearch(query Query) search {
	return search{query.normal(), query.Stream.Candidates()}
}

// names lists the files to look into.
func (t *Tree) names(ctx context.Context, query search) ([]string, error) {
	if query.Org == "" && query.Repo == "" {
		return t.promoters(ctx, query.streams)
	}
	return t.list(query.Org, query.Repo)
}

// mentions reports whether a config can be the answer at all, by looking for the names in its bytes: parsing costs a
// hundred times more. Files that cannot be read are left to the parser, which says why.
func (t *Tree) mentions(name string, query search) bool {
	if query.Variant != "" && !strings.HasSuffix(name, "__"+query.Variant+".yaml") {
		return false
	}
	if t.isParsed(name) || query.Variant != "" || query.ofBranch(name) {
		return true
	}
	data, err := readRegular(t.files, name, MaxConfigSize)
	if err != nil {
		return true
	}
	if query.Image != "" {
		return bytes.Contains(data, []byte(query.Image))
	}
	return bytes.Contains(data, []byte(query.Tag)) && named(query.streams, promotionSection(data))
}

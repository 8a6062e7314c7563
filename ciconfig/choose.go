package ciconfig

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// candidate is a config that may be the answer.
type candidate struct {
	config *Config
	found  Promoted // its destination is zero where --config-image chose an image that is not promoted
	stream Stream   // the stream in question
	behind int      // how many streams were preferred to this one
}

// choose picks the best of the configs.
func (q search) choose(configs []*Config) (Match, error) {
	if match, ok, err := q.chooseOfBranch(configs); ok || err != nil {
		return match, err
	}
	var fit []candidate
	for _, config := range configs {
		if one, ok := q.consider(config); ok {
			fit = append(fit, one)
		}
	}
	if len(fit) == 0 {
		return Match{}, q.none()
	}
	slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(q.rank(a), q.rank(b)) })
	if len(fit) > 1 && q.rank(fit[0]) == q.rank(fit[1]) {
		return Match{}, q.ambiguous(fit)
	}
	best := fit[0]
	match := Match{Metadata: best.config.Metadata, Path: best.config.Name, Image: best.found.Image, To: best.found.To,
		Config: best.config}
	match.Reason = q.reason(best, len(fit))
	return match, nil
}

// ofBranch reports whether a file is, by its name, a config of the branch whose source is built.
func (q search) ofBranch(name string) bool {
	return q.Branch != "" && strings.Contains(path.Base(name), "-"+strings.ReplaceAll(q.Branch, "/", "-"))
}

// chooseOfBranch picks the config that CI has for the branch whose source is built, if there is one that builds the
// component. What it promotes to the payload's stream comes first, then what it promotes elsewhere, then what it only
// builds; of variants, the stream's.
func (q search) chooseOfBranch(configs []*Config) (best Match, ok bool, err error) {
	if q.Branch == "" {
		return Match{}, false, nil
	}
	lowest, equal := 0, []string{}
	for _, config := range configs {
		m := config.Metadata
		if q.Variant != "" && m.Variant != q.Variant || m.Branch != q.Branch {
			continue
		}
		match, err := config.Select(q.Query)
		if err != nil {
			continue
		}
		rank := 0
		if _, held := q.Stream.Holds(match.To); !held {
			rank += 4
		}
		if match.To == (ImageRef{}) {
			rank += 8
		}
		if m.Variant != q.Stream.variant() {
			rank += 2
		}
		if m.Variant != "" {
			rank++
		}
		switch {
		case !ok || rank < lowest:
			best, ok, lowest, equal = match, true, rank, []string{config.Name}
		case rank == lowest:
			equal = append(equal, config.Name)
		}
	}
	if len(equal) > 1 {
		return Match{}, false,
			fmt.Errorf("%d configs of the branch %q build %s, and none is better than the others:\n  %s",
				len(equal), q.Branch, q.Tag, strings.Join(equal, "\n  "))
	}
	return best.ofBranch(q.Branch), ok, nil
}

// ofBranch returns the match as that of the config of a branch.
func (m Match) ofBranch(branch string) Match {
	m.OfBranch = true
	m.Reason = fmt.Sprintf("it is CI's config of the branch %q; %s", branch, m.Reason)
	return m
}

// consider reports whether a config can be the answer, and by which promotion.
func (q search) consider(config *Config) (candidate, bool) {
	if q.Variant != "" && config.Metadata.Variant != q.Variant {
		return candidate{}, false
	}
	for behind, stream := range q.streams {
		found, ok := config.promotesTo(stream.Tag(q.Tag))
		if ok && (q.Image == "" || q.Image == found.Image) {
			return candidate{config, found, stream, behind}, true
		}
	}
	if q.Variant != "" && q.Image == "" { // it is named: whether it promotes does not matter
		match, err := config.Select(q.Query)
		return candidate{config, Promoted{Image: match.Image}, q.Stream, len(q.streams)}, err == nil
	}
	if q.Image == "" {
		return candidate{}, false
	}
	step, ok := config.step(q.Image)
	return candidate{config, Promoted{Image: q.Image}, q.Stream, len(q.streams)}, ok && step.Kind != StepInput
}

// rank orders candidates, the best first; equal ranks are ambiguous.
func (q search) rank(c candidate) int {
	m := c.config.Metadata
	rank := c.behind * 1000
	if m.Variant != c.stream.variant() {
		rank += 400
	}
	switch {
	case q.Ref != "" && m.Branch == q.Ref:
	case q.Ref != "" && serves(m.Branch, q.Ref):
		rank++
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
func (q search) reason(c candidate, of int) string {
	text := "--config-image chooses it"
	if q.Image == "" {
		text = "--variant chooses it, though it does not promote to the payload's stream"
	}
	if !c.found.To.IsZero() {
		text = "it promotes " + c.found.To.String()
	}
	if c.found.Disabled {
		text += " (promotion switched off)"
	}
	if q.Ref != "" && serves(c.config.Metadata.Branch, q.Ref) {
		text += fmt.Sprintf(", and the payload names the branch %q", q.Ref)
	}
	if of > 1 {
		text += fmt.Sprintf("; the best of %d that fit", of)
	}
	return text
}

// ambiguous lists the candidates that are equally good.
func (q search) ambiguous(fit []candidate) error {
	var lines []string
	for _, one := range fit {
		if q.rank(one) == q.rank(fit[0]) {
			lines = append(lines, "  "+one.config.Name+" (image "+one.found.Image+")")
		}
	}
	return fmt.Errorf("%d configs promote %s, and none is better than the others:\n%s", len(lines), fit[0].found.To,
		strings.Join(lines, "\n"))
}

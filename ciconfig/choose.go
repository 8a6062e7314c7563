package ciconfig

import (
	"cmp"
	"fmt"
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
	return fmt.Errorf("%d configs promote %s, and none is better than the others:\n%s", len(lines), fit[0].found.To, strings.Join(lines, "\n"))
}

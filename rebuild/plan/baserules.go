package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// BaseRules returns what the user wants in place of which base: flags first, then the file.
func (r Request) BaseRules() (bases.Rules, error) {
	var rules bases.Rules
	for _, text := range r.BaseImages {
		rule, err := bases.Parse("--base-image", text)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	if r.BaseImageMap == "" {
		return rules, nil
	}
	data, err := regular.Read(r.BaseImageMap, bases.MaxSize)
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading --base-image-map: %w", err))
	}
	more, err := bases.ParseFile(r.BaseImageMap, data)
	return append(rules, more...), err
}

// wish returns what the user wants in place of a base, and notes which rule says so. The text in the Dockerfile counts
// where a rule repeats it, and where CI puts nothing in its place; else it is what CI uses that a rule names.
func (s *settler) wish(b *base) (pullSpec string, rule bases.Rule, ok bool) {
	all := names(b)
	for i, rule := range s.Rules {
		candidates := all
		if rule.Written == b.Reference {
			candidates = append(slices.Clip(all), b.Reference)
		}
		if pullSpec, ok := rule.Fit(candidates...); ok {
			s.mu.Lock()
			s.used[i] = true
			s.mu.Unlock()
			return pullSpec, rule, true
		}
	}
	return "", bases.Rule{}, false
}

// checkRules refuses a --base-image that is for no base of what is built: the build would go on with another image than
// the user thinks. Files of rules and wildcards may be made for more than one run.
func (s *settler) checkRules() error {
	var have []string
	for _, u := range slices.Concat(s.units, s.helpers) {
		if u.problem != nil && len(u.wants()) == 0 { // nobody knows what it is built on
			return nil
		}
		for _, b := range u.wants() {
			if all := names(b); !slices.Contains(have, all[0]) {
				have = append(have, all[0])
			}
		}
	}
	for i, rule := range s.Rules {
		if i < len(s.request.BaseImages) && !s.used[i] && !s.request.All && !strings.Contains(rule.Pattern, "*") {
			advice := "Nothing is built on another image."
			if len(have) > 0 {
				advice = "What is built stands on " + strings.Join(have, ", ") + "."
			}
			return fault.New(fault.Usage, advice, fmt.Errorf("--base-image %s fits no base image", rule.Written))
		}
	}
	return nil
}

// names are what a base goes by in rules, the best first: CI's name, the name that the config gives it, the pull spec;
// the text in the Dockerfile where there are none.
func names(b *base) []string {
	var all []string
	for _, name := range []string{b.Image.String(), b.Alias, b.Pullspec} {
		if name != "" {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return []string{b.Reference}
	}
	return all
}

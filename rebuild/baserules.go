package rebuild

import (
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// baseRules returns what the user wants in place of which base: flags first, then the file.
func (r Request) baseRules() (bases.Rules, error) {
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

// names are what a base goes by in rules: CI's name, the text in the Dockerfile, the config's alias, the pull spec.
func names(b *base) []string {
	return []string{b.Image.String(), b.Reference, b.Alias, b.Pullspec}
}

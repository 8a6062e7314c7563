package bases

import (
	"bufio"
	"bytes"
	_ "embed" // for the table of stand-ins
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Limits on a file of rules.
const (
	// MaxSize is the largest file of rules that is read, in bytes.
	MaxSize = 1 << 20
	// maxRules bounds the rules in a file.
	maxRules = 10_000
)

// Rule replaces the images that a pattern fits.
type Rule struct {
	Pattern string // namespace/name:tag or another pull spec, with wildcards
	Written string // the pattern as it was written, which may begin with the name of CI's registry
	Target  string // pull spec, with $1 … for the wildcards
	Source  string // where it was stated: a flag, or file and line
	Note    string // the comment above it, for the table of stand-ins

	expression *regexp.Regexp
}

// Rules is a list of rules. The first one that fits an image wins.
type Rules []Rule

// Parse reads one rule, PATTERN=PULLSPEC, as --base-image takes it. The source is used in messages.
func Parse(source, text string) (Rule, error) {
	pattern, target, ok := strings.Cut(text, "=")
	pattern = strings.TrimSpace(pattern)
	rule := Rule{Pattern: normal(pattern), Written: pattern, Target: strings.TrimSpace(target), Source: source}
	if !ok || !nameable(rule.Pattern) || !nameable(rule.Target) {
		return Rule{}, fault.Errorf(fault.Usage,
			"%s: %q is not of the form PATTERN=PULLSPEC, such as ocp/4.17:base-rhel9=quay.io/centos/centos:stream9",
			source,
			text)
	}
	expression, wildcards := compile(rule.Pattern)
	for _, place := range placeholder.FindAllStringSubmatch(rule.Target, -1) {
		if n, _ := strconv.Atoi(place[1]); n == 0 || n > wildcards {
			return Rule{}, fault.Errorf(fault.Usage, "%s: %q uses $%s, but its pattern has %d wildcards", source, text,
				place[1], wildcards)
		}
	}
	rule.expression = expression
	return rule, nil
}

// ParseFile reads a file of rules, one a line. Empty lines and what follows # are ignored.
func ParseFile(name string, data []byte) (Rules, error) {
	if len(data) > MaxSize {
		return nil, fault.Errorf(fault.Usage, "%s: %d bytes, more than %d", name, len(data), MaxSize)
	}
	var rules Rules
	var note []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, MaxSize+1)
	for number := 1; lines.Scan(); number++ {
		text, comment, commented := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		switch {
		case text == "" && commented:
			note = append(note, strings.TrimSpace(comment))
			continue
		case text == "":
			note = nil
			continue
		}
		rule, err := Parse(fmt.Sprintf("%s:%d", name, number), text)
		if err != nil {
			return nil, err
		}
		rule.Note = strings.Join(note, " ")
		if rules = append(rules, rule); len(rules) > maxRules {
			return nil, fault.Errorf(fault.Usage, "%s: more than %d rules", name, maxRules)
		}
	}
	return rules, lines.Err()
}

// Lookup returns the pull spec for an image that goes by the given names, and the rule that said so. Rules are tried in
// order, each with every name. Empty names fit nothing.
func (r Rules) Lookup(names ...string) (pullspec string, rule Rule, ok bool) {
	for _, rule := range r {
		if pullspec, ok := rule.Fit(names...); ok {
			return pullspec, rule, true
		}
	}
	return "", Rule{}, false
}

// Fit returns the rule's pull spec for an image that goes by the given names, if it fits one of them.
func (r Rule) Fit(names ...string) (pullspec string, ok bool) {
	for _, name := range names {
		if pullspec, ok := r.apply(name); ok {
			return pullspec, true
		}
	}
	return "", false
}

// Choice is a pull spec that a rule gives for an image.
type Choice struct {
	Pullspec string
	Rule     Rule
}

// All returns what every fitting rule gives for an image, the best first: the caller takes the first that can be
// pulled.
func (r Rules) All(names ...string) []Choice {
	var choices []Choice
	for _, rule := range r {
		if pullspec, ok := rule.Fit(names...); ok {
			choices = append(choices, Choice{pullspec, rule})
		}
	}
	return choices
}

// placeholder is $1 or ${1} in a target.
var placeholder = regexp.MustCompile(`\$\{?([0-9]+)\}?`)

// apply returns the rule's pull spec for an image, if it fits.
func (r Rule) apply(name string) (string, bool) {
	if name == "" || r.expression == nil {
		return "", false
	}
	match := r.expression.FindStringSubmatch(normal(name))
	if match == nil {
		return "", false
	}
	return placeholder.ReplaceAllStringFunc(r.Target, func(place string) string {
		n, _ := strconv.Atoi(strings.Trim(place, "${}"))
		return match[n]
	}), true
}

// compile turns a pattern into a regular expression, and counts its wildcards.
func compile(pattern string) (*regexp.Regexp, int) {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, `([^/:@]*)`) + "$"), len(parts) - 1
}

// normal leaves the name of CI's registry away, so that patterns and images may be written with and without it.
func normal(name string) string {
	for _, registry := range []string{"registry.ci.openshift.org/", "registry.svc.ci.openshift.org/"} {
		if rest, ok := strings.CutPrefix(name, registry); ok {
			return rest
		}
	}
	return name
}

// nameable reports whether a text can be a pattern or a pull spec: printable, without spaces and quotes.
func nameable(text string) bool {
	return text != "" && len(text) <= 1024 && !strings.ContainsFunc(text, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"'`\\,=", c)
	})
}

//go:embed standins.txt
var standins []byte

// StandIns returns the table of public images for those that only CI can pull. It is the file standins.txt of this
// package, which says how to extend it. The images are stand-ins: what is built on them is good for trying a change,
// not the same as what CI builds.
func StandIns() (Rules, error) { return ParseFile("standins.txt", standins) }

package payload

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	"sigs.k8s.io/yaml"
)

// mapper replaces the image names that an operator's manifests are written with by the pull specs of the payload.
type mapper struct {
	pattern *regexp.Regexp    // nil = nothing to replace
	prefix  string            // what all names begin with
	targets map[string]string // name in the manifests → pull spec
}

// parseOperatorReferences reads the image-references of an operator's /manifests, in YAML or JSON: which tags its
// manifests name, and how.
func parseOperatorReferences(data []byte) (*imagev1.ImageStream, error) {
	stream := &imagev1.ImageStream{}
	if err := yaml.Unmarshal(data, stream); err != nil {
		return nil, err
	}
	if stream.Kind != "ImageStream" || stream.APIVersion != "image.openshift.io/v1" {
		return nil, fmt.Errorf("kind %q of %q: want ImageStream of image.openshift.io/v1", stream.Kind,
			stream.APIVersion)
	}
	return stream, nil
}

// newMapper makes a mapper for an operator from its image-references and from the payload's tags. A tag that the
// payload lacks is an error, unless missing ones are allowed: their names then stay.
func newMapper(references *imagev1.ImageStream, payload *imagev1.ImageStream, allowMissing bool) (mapper, error) {
	m := mapper{targets: map[string]string{}}
	from := map[string]string{}
	for _, tag := range references.Spec.Tags {
		if !isImage(tag) {
			continue
		}
		if tag.From.Name == "" {
			return mapper{}, fmt.Errorf("no from.name for the tag %s", tag.Name)
		}
		target := tagOf(payload, tag.Name)
		if target == nil || !isImage(*target) {
			if allowMissing {
				continue
			}
			return mapper{}, fmt.Errorf("no input image tag named %q", tag.Name)
		}
		if other, ok := from[tag.From.Name]; ok {
			return mapper{}, fmt.Errorf("the source repository %q was defined more than once (for %q and %q)",
				tag.From.Name, other, tag.Name)
		}
		from[tag.From.Name] = tag.Name
		m.targets[tag.From.Name] = target.From.Name
	}
	m.compile()
	return m, nil
}

// compile builds the expression that oc finds image names with: a name, perhaps with a tag or a digest, after
// anything but a letter, and before white space, a quote or the end of the file. Longer names come first, so that a
// name which begins another one does not hide it.
func (m *mapper) compile() {
	if len(m.targets) == 0 {
		return
	}
	m.prefix = commonPrefix(m.targets)
	var names []string
	for name := range m.targets {
		names = append(names, regexp.QuoteMeta(name))
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	m.pattern = regexp.MustCompile(`([\W]|^)(` + strings.Join(names, "|") +
		`)(:[\w][\w.-]{0,127}|@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][[:xdigit:]]{2,})?([\s"']|$)`)
}

// apply returns data with the names replaced. What stands around them stays.
func (m mapper) apply(data []byte) []byte {
	if !m.mentioned(data) {
		return data
	}
	return replaceMatches(m.pattern, data, func(match [][]byte) []byte {
		return slices.Concat(match[1], []byte(m.targets[string(match[2])]), match[4])
	})
}

// mentioned tells whether a file may have any of the names in it. Most have none, and plain search is far faster than
// the expression. The names of an operator usually begin alike, which is then all that is searched for.
func (m mapper) mentioned(data []byte) bool {
	if m.pattern == nil {
		return false
	}
	if len(m.prefix) >= 4 {
		return bytes.Contains(data, []byte(m.prefix))
	}
	for name := range m.targets {
		if bytes.Contains(data, []byte(name)) {
			return true
		}
	}
	return false
}

// commonPrefix returns what all the names begin with.
func commonPrefix(names map[string]string) string {
	prefix, first := "", true
	for name := range names {
		if first {
			prefix, first = name, false
		}
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}

// replaceMatches replaces each match of a pattern by what replace makes of the match and its groups.
func replaceMatches(pattern interface{ FindAllSubmatchIndex([]byte, int) [][]int }, data []byte,
	replace func([][]byte) []byte) []byte {
	var out []byte
	last := 0
	for _, index := range pattern.FindAllSubmatchIndex(data, -1) {
		groups := make([][]byte, len(index)/2)
		for i := range groups {
			if index[2*i] >= 0 {
				groups[i] = data[index[2*i]:index[2*i+1]]
			}
		}
		out = append(append(out, data[last:index[0]]...), replace(groups)...)
		last = index[1]
	}
	if last == 0 && out == nil {
		return data
	}
	return append(out, data[last:]...)
}

// replacePullSpecs replaces pull specs that the mapper once wrote by others, all at once: what was written for one is
// not looked at for another. The boundaries are those of the mapper, so that text which it cannot have written stays.
func replacePullSpecs(data []byte, targets map[string]string) []byte {
	type span struct {
		begin, end int
		target     string
	}
	var found []span
	for from, to := range targets {
		for begin := bytes.Index(data, []byte(from)); begin >= 0; {
			end := begin + len(from)
			if (begin == 0 || !isWord(data[begin-1])) &&
				(end == len(data) || strings.IndexByte(" \t\n\f\r\"'", data[end]) >= 0) {
				found = append(found, span{begin, end, to})
			}
			next := bytes.Index(data[begin+1:], []byte(from))
			if next < 0 {
				break
			}
			begin += 1 + next
		}
	}
	if found == nil {
		return data
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Or(a.begin-b.begin, b.end-a.end) })
	var out []byte
	last := 0
	for _, s := range found {
		if s.begin >= last { // else it is inside one that begins earlier
			out = append(append(out, data[last:s.begin]...), s.target...)
			last = s.end
		}
	}
	return append(out, data[last:]...)
}

// isWord tells whether \w of a regular expression matches the byte.
func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

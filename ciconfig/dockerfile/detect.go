package dockerfile

import (
	"bytes"

	"go.podman.io/storage/pkg/regexp"
)

var (
	registryReference = regexp.Delayed(`(registry\.(?:svc\.)?ci\.openshift\.org|quay-proxy\.ci\.openshift\.org)/[^\s\\]+`)
	joinedLine        = regexp.Delayed(`\\\r?\n[ \t]*`)
)

// Detect returns the references to CI's registries that CI itself finds in a Dockerfile, in the order of their first
// appearance.
//
// The rule is CI's, with all its edges: one match for a line; a line counts when FROM, COPY or RUN appear anywhere in
// it, comments included, which leaves out ARG and LABEL; and where the config states from, which replaces the last
// stage, the reference of the last line that begins with FROM is dropped wherever else it may stand.
func Detect(data []byte, from bool) []string {
	var found []string
	var last string
	seen := map[string]bool{}
	for line := range bytes.SplitSeq(joinedLine.ReplaceAll(data, []byte(" ")), []byte("\n")) {
		upper := bytes.ToUpper(line)
		begins := bytes.HasPrefix(upper, []byte("FROM"))
		if !begins && !bytes.Contains(upper, []byte("FROM")) && !bytes.Contains(upper, []byte("COPY")) &&
			!bytes.Contains(upper, []byte("RUN")) {
			continue
		}
		reference := string(registryReference.Find(line))
		if begins {
			last = reference
		}
		if reference != "" && !seen[reference] {
			seen[reference] = true
			found = append(found, reference)
		}
	}
	if !from || last == "" {
		return found
	}
	kept := found[:0]
	for _, reference := range found {
		if reference != last {
			kept = append(kept, reference)
		}
	}
	return kept
}

package image

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// contentSum is how buildah writes what COPY and ADD took into the history: a digest over a tar that holds the files'
// times. Those differ from one checkout to the next although the image's files do not.
var contentSum = regexp.Delayed(`\b(file|dir|multi):[0-9a-f]{64}\b`)

// forcedTime is how buildah notes behind a step that the files of its layer got a certain time, which is the time of
// the entry.
var forcedTime = regexp.Delayed(`\|force-mtime=[0-9]+`)

// fromComment begins buildah's note of what a stage is built on.
const fromComment = "FROM "

// trailingSpace is what is left before the closing quote.
var trailingSpace = regexp.Delayed(` +"$`)

// stableHistory returns an image's config without either: the same source then gives the same config, and the same
// image, whether it was built in one go or not. Of a base that local storage has under several names buildah notes any
// of them: bases are the names in the Dockerfile, by digest.
func stableHistory(config []byte, bases map[string]string) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, fmt.Errorf("parsing the config of the new image: %w", err)
	}
	if fields["history"] != nil { // buildah writes none where the base has none
		if err := withStableSteps(fields, bases); err != nil {
			return nil, err
		}
	}
	stable, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("writing the config of the new image: %w", err)
	}
	return stable, nil
}

// withStableSteps rewrites the history in a config.
func withStableSteps(fields map[string]json.RawMessage, bases map[string]string) (err error) {
	var history []map[string]json.RawMessage
	if err := json.Unmarshal(fields["history"], &history); err != nil {
		return fmt.Errorf("parsing the history of the new image: %w", err)
	}
	for _, entry := range history {
		var comment string
		if json.Unmarshal(entry["comment"], &comment) == nil {
			_, sum := registry.SplitDigest(comment)
			if base, ok := bases[sum.String()]; ok && strings.HasPrefix(comment, fromComment) {
				if entry["comment"], err = json.Marshal(fromComment + base); err != nil {
					return fmt.Errorf("writing the history of the new image: %w", err)
				}
			}
		}
		if by, ok := entry["created_by"]; ok {
			entry["created_by"] = trailingSpace.ReplaceAll(forcedTime.ReplaceAll(contentSum.ReplaceAll(by,
				[]byte("$1")), nil), []byte(`"`))
		}
	}
	if fields["history"], err = json.Marshal(history); err != nil {
		return fmt.Errorf("writing the history of the new image: %w", err)
	}
	return nil
}

package machine

import (
	"fmt"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

// Leftovers names the temporary directories of runs that were killed.
func Leftovers() Finding {
	const check = "temporary files"
	base, err := scratch.Base()
	if err != nil {
		return Finding{Check: check, State: Problem, Message: err.Error(),
			Advice: "Let TMPDIR name a directory that is there."}
	}
	dead, err := scratch.Dead()
	if err != nil {
		return Finding{Check: check, State: Note, Message: err.Error()}
	}
	return leftovers(check, len(dead), base, dead)
}

// leftovers is ok where killed runs left nothing.
func leftovers(check string, count int, place string, names []string) Finding {
	if count == 0 {
		return Finding{Check: check, State: OK, Message: "no killed run left any in " + place}
	}
	return Finding{Check: check, State: Note,
		Message: fmt.Sprintf("%d left by runs that were killed, in %s: %s", count, place, strings.Join(names, ", ")),
		Advice:  "The next run removes them, or `oc rebuild cache prune`."}
}

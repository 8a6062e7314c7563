package machine

import (
	goruntime "runtime"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// Programs checks whether RUN steps of images for an architecture can be run here. Of the machine's own there is
// nothing to say.
func Programs(arch, temp string) []Finding {
	if arch == goruntime.GOARCH {
		return nil
	}
	finding := Finding{Check: "programs for " + arch, State: OK, Message: "are started by an emulator"}
	switch runs, err := builder.Runs(arch, temp); {
	case err != nil:
		finding.State, finding.Message = Problem, err.Error()
	case !runs:
		finding.State, finding.Message = Problem, "do not run here: images can be built that only copy files"
		finding.Advice = builder.ProgramsAdvice(arch)
	}
	return []Finding{finding}
}

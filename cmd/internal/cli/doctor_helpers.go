package cli

import (
	"fmt"
	"os/exec"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/machine"
)

// helperFindings checks that the credential helpers that are configured for an image can be run. They are not run,
// and what they know is nobody's business here.
func helperFindings(client *registry.Client, ref string) []machine.Finding {
	const check = "credential helper"
	helpers, err := client.Helpers(ref)
	if err != nil {
		return nil // the check of the reference says so
	}
	var findings []machine.Finding
	for _, helper := range helpers {
		message := fmt.Sprintf("%s, which %s names", helper.Program, helper.File)
		path, err := exec.LookPath(helper.Program)
		switch {
		case helper.Ignored:
			findings = append(findings, machine.Finding{Check: check, State: machine.Note,
				Message: message + " as credsStore, is not asked",
				Advice:  "docker alone uses credsStore. Name the helper under credHelpers, with the registry, or log in with `podman login`."})
		case err != nil:
			findings = append(findings, machine.Finding{Check: check, State: machine.Problem,
				Message: message + ", is not on PATH",
				Advice: fmt.Sprintf("Install %s, or take it out of the file and log in with `podman login`.",
					helper.Program)})
		default:
			findings = append(findings, machine.Finding{Check: check, State: machine.OK,
				Message: message + ": " + path})
		}
	}
	return findings
}

package image

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Failure tells of a step of a Dockerfile that failed.
type Failure struct {
	Component string   `json:"component"`
	Stage     string   `json:"stage"`              // of the job: always build
	Step      string   `json:"step,omitempty"`     // instruction of the Dockerfile
	ExitCode  int      `json:"exitCode,omitempty"` // of the step's program; 0 where none ended
	Log       string   `json:"log"`                // file with the whole output
	Lines     []string `json:"lines"`              // what the step printed last

	err error
}

// newFailure tells of a build that ended in an error.
func newFailure(component string, log *buildLog, err error) *Failure {
	f := &Failure{Component: component, Stage: "build", Log: log.Path, err: err}
	f.Step, f.Lines = log.Tail()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		f.ExitCode = exit.ExitCode()
	}
	return f
}

// Error names the step, and shows what it printed last.
func (f *Failure) Error() string {
	text := f.err.Error()
	if f.ExitCode > 0 && f.Step != "" {
		text = fmt.Sprintf("building %q: %s: exit status %d", f.Component, f.Step, f.ExitCode)
	}
	if len(f.Lines) > 0 {
		text += "; the last lines of its output:\n" + strings.Join(f.Lines, "\n")
	}
	return text
}

// Unwrap gives access to what buildah says.
func (f *Failure) Unwrap() error { return f.err }

// Failures lists the failed steps that an error tells of.
func Failures(err error) []*Failure {
	switch e := err.(type) { //nolint:errorlint // every error of a tree is looked at
	case *Failure:
		return []*Failure{e}
	case interface{ Unwrap() []error }:
		var all []*Failure
		for _, one := range e.Unwrap() {
			all = append(all, Failures(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Failures(e.Unwrap())
	}
	return nil
}

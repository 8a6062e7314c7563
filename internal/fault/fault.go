package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is a class of failure. Its value is the exit code of the program (docs/commands/oc-rebuild.md, "Exit codes").
type Kind int

// The classes of failure, each with the exit code that stands for it.
const (
	Other        Kind = 1   // anything without a class of its own
	Usage        Kind = 2   // the command line is wrong
	Unresolved   Kind = 3   // an input cannot be resolved: component, commit, config, base image
	Unauthorized Kind = 4   // a registry or git server refuses the credentials, or wants some
	Build        Kind = 5   // an image does not build
	Publish      Kind = 6   // an image or a payload cannot be published
	Interrupted  Kind = 130 // a signal ended the run
)

// Error is a failure with its class and, where there is one, the next thing to try.
type Error struct {
	Kind   Kind
	Err    error
	Advice string // a sentence for the user, shown under the error; may be empty
}

// Error returns the text of the underlying error. The advice is not part of it.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives access to the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// New gives err a class and an advice. A nil err stays nil.
func New(kind Kind, advice string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Err: err, Advice: advice}
}

// Errorf is New over fmt.Errorf, for a failure that begins here and has no advice.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the class of err: that of the outermost Error in its chain, Interrupted where a cancelled context
// ended the work, else Other. KindOf(nil) is 0.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// AdviceOf returns the advice of the outermost Error in err's chain that has one.
func AdviceOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Advice != "" {
			return e.Advice
		}
		err = e.Err
	}
	return ""
}

// Join makes one error of several, of which nil ones do not count; its class and its advice are those of the first.
func Join(failures ...error) error {
	var some []error
	for _, err := range failures {
		if err != nil {
			some = append(some, err)
		}
	}
	if len(some) < 2 {
		return errors.Join(some...)
	}
	return New(KindOf(some[0]), AdviceOf(some[0]), errors.Join(some...))
}

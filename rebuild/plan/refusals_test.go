package plan

import (
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// TestNoSource says what to do where a payload does not say of what an image was built, or nothing that may be used.
func TestNoSource(t *testing.T) {
	for _, test := range []struct{ name, problem, message, advice string }{
		{"cli", "", "records no source", "Pass its source, cli=URL or cli=./DIR"},
		{"cli", "the address has a password", "not usable: the address has a password",
			"Pass its source, cli=URL or cli=./DIR"},
		{"stream-coreos", "", "records no source", "Change the payload's own image with --overlay DIR"},
	} {
		err := noSource(payload.Component{Name: test.name, Problem: test.problem})
		if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.message) ||
			!strings.Contains(fault.AdviceOf(err), test.advice) {
			t.Errorf("noSource(%q, %q) = %v (%s)", test.name, test.problem, err, fault.AdviceOf(err))
		}
	}
}

// TestRequestsThatNameNothing refuses requests without a payload, or without anything to build.
func TestRequestsThatNameNothing(t *testing.T) {
	for _, test := range []struct {
		request Request
		advice  string
	}{
		{Request{}, "Name the payload to start from, such as --from-release"},
		{Request{Release: "quay.io/okd/release:x"}, "`oc rebuild info REF` lists the components of a payload."},
	} {
		if err := test.request.Validate(); fault.KindOf(err) != fault.Usage ||
			!strings.Contains(fault.AdviceOf(err), test.advice) {
			t.Errorf("%+v: %v (%s)", test.request, err, fault.AdviceOf(err))
		}
	}
}

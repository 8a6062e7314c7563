package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestKindAndAdviceLookThroughWrapping(t *testing.T) {
	inner := fault.New(fault.Unauthorized, "log in first", errors.New("401"))
	tests := []struct {
		description string
		err         error
		kind        fault.Kind
		advice      string
	}{
		{"no error", nil, 0, ""},
		{"an ordinary error", errors.New("x"), fault.Other, ""},
		{"a wrapped class", fmt.Errorf("pulling: %w", inner), fault.Unauthorized, "log in first"},
		{"the outer class wins, the inner advice stays", fault.New(fault.Publish, "", inner),
			fault.Publish, "log in first"},
		{"a cancelled context", fault.New(fault.Build, "", fmt.Errorf("run: %w", context.Canceled)),
			fault.Interrupted, ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			if got := fault.KindOf(test.err); got != test.kind {
				t.Errorf("KindOf(%v) = %d, want %d", test.err, got, test.kind)
			}
			if got := fault.AdviceOf(test.err); got != test.advice {
				t.Errorf("AdviceOf(%v) = %q, want %q", test.err, got, test.advice)
			}
		})
	}
}

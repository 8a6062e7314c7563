package cli

import (
	"bytes"
	"testing"

	"github.com/sirupsen/logrus"
)

func TestLibrariesAreSilentUnlessAsked(t *testing.T) {
	tests := []struct {
		description string
		verbose     bool
		want        string
	}{
		{"silent", false, ""},
		{"verbose", true, "warning: careful \\x1b[31m\\nnow\n"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			t.Cleanup(func() { routeLibraries(nil, false) })
			var out bytes.Buffer
			routeLibraries(&out, test.verbose)
			logrus.Info("[graphdriver] using prior storage driver: overlay")
			logrus.Warn("careful \x1b[31m\nnow")
			if out.String() != test.want {
				t.Errorf("libraries wrote %q, want %q", out.String(), test.want)
			}
		})
	}
}

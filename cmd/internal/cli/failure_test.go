package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli"
)

// TestFailureForPrograms wants every failure of a command in the form of its result, with the exit code of the program.
func TestFailureForPrograms(t *testing.T) {
	r, release, _ := seed(t)
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		ctx     context.Context
		args    string
		code    int
		message string
		advice  bool
	}{
		{t.Context(), "apply", 2, "accepts 1 arg", true},
		{t.Context(), "plan coredns --from-release quay.io/x/y:z --to-image docker://quay.io/x/y:z", 2, "cannot push to", true},
		{t.Context(), "mirror --insecure " + release.PullSpec, 2, "name one destination", true},
		{t.Context(), "info --insecure " + r.Host + "/no/such:payload", 3, "no/such", false},
		{t.Context(), "new --insecure --from-release " + r.Host + "/no/such:payload --dry-run", 3, "no/such", false},
		{t.Context(), "doctor x", 2, "unknown command", true},
		{interrupted, "info --insecure " + release.PullSpec, 130, "canceled", false},
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("REGISTRY_AUTH_FILE", "")
	for _, test := range tests {
		for _, form := range []string{"json", "yaml", "jsonpath={.x}"} {
			var out, messages bytes.Buffer
			args := append(append([]string{"oc-rebuild"}, strings.Fields(test.args)...), "-o", form)
			code := cli.Execute(test.ctx, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &messages}, "test", args)
			if code != test.code || !strings.HasPrefix(messages.String(), "error: ") {
				t.Errorf("%q: exit code %d, want %d; %s", args, code, test.code, &messages)
			}
			if form == "jsonpath={.x}" { // which is for the result
				if out.Len() > 0 {
					t.Errorf("%q prints %s", args, &out)
				}
				continue
			}
			var failure struct {
				Error, Advice string
				ExitCode      int
			}
			read := yaml.Unmarshal
			if form == "json" {
				read = func(data []byte, value any, _ ...yaml.JSONOpt) error { return json.Unmarshal(data, value) }
			}
			if err := read(out.Bytes(), &failure); err != nil || failure.ExitCode != test.code ||
				!strings.Contains(failure.Error, test.message) || (failure.Advice != "") != test.advice {
				t.Errorf("%q: %v, %+v", args, err, failure)
			}
		}
	}
}

// TestFailureBesideLayer wants nothing but a layer where a layer was asked for.
func TestFailureBesideLayer(t *testing.T) {
	r, _, _ := seed(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("REGISTRY_AUTH_FILE", "")
	args := []string{"oc-rebuild", "new", "--insecure", "--from-release", r.Host + "/no/such:payload", "--to-file", "-",
		"-o", "json"}
	run := func(args ...string) (code int, out, messages bytes.Buffer) {
		code = cli.Execute(t.Context(), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &messages}, "test", args)
		return code, out, messages
	}
	if code, out, messages := run(args...); code != 3 || out.Len() > 0 || !strings.HasPrefix(messages.String(), "{") {
		t.Errorf("exit code %d, standard output %q, standard error %q", code, &out, &messages)
	}
	if code, out, messages := run(append(args, "--dry-run")...); code != 3 || !strings.HasPrefix(out.String(), "{") ||
		!strings.HasPrefix(messages.String(), "error: ") {
		t.Errorf("--dry-run: exit code %d, standard output %q, standard error %q", code, &out, &messages)
	}
}

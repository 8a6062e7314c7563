package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// share of the requests that fail.
const share = 0.3

// unreliable has a registry fail in all the ways of payloadtest.Unreliable while components are rebuilt, payloads are
// made and mirrored. A run makes what it makes with a reliable one, or says why not; and no tag leads to something
// incomplete.
func unreliable(ctx context.Context, w *world, runs int) error {
	commands := []struct {
		name string
		make func(tag string) *exec.Cmd
	}{
		{"rebuild", func(tag string) *exec.Cmd {
			dir := filepath.Join(w.Dir, tag)
			return w.command(ctx, tag, "cli=@"+playground.WholeBranch, "--cache-dir", filepath.Join(dir, "cache"))
		}},
		{"new", func(tag string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, w.binary, "new", "--from-release", w.Payload, "--to-image", w.to(tag),
				"--name", "4.17.0-new", "cli="+w.OKDPayload)
			cmd.Env = append(cmd.Environ(), w.Env()...)
			return cmd
		}},
		{"mirror", func(tag string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, w.binary, "mirror", "--from", w.Payload, "--to",
				w.Registry.Host+"/"+w.name+"/release",
				"--to-release-image", w.to(tag))
			cmd.Env = append(cmd.Environ(), w.Env()...)
			return cmd
		}},
	}
	want := map[string]string{}
	for _, c := range commands {
		if _, err := good(c.make("want-" + c.name)); err != nil {
			return fmt.Errorf("%s, with a reliable registry: %w", c.name, err)
		}
		digest, err := w.published(ctx, "want-"+c.name)
		if err != nil {
			return err
		}
		want[c.name] = digest
	}
	right, requests := 0, 0
	for i := range runs {
		c := commands[i%len(commands)]
		which, tag := fmt.Sprintf("%s, run %d", c.name, i), fmt.Sprintf("run%d", i)
		bad := payloadtest.NewUnreliable(http.HandlerFunc(w.Registry.Answer), w.random.Uint64(), share)
		w.Registry.Fail(bad.Fail)
		got, err := do(c.make(tag), nil)
		w.Registry.Fail(nil)
		if err != nil {
			return err
		}
		for _, n := range bad.Failed() {
			requests += n
		}
		w.incomplete(which, tag)
		digest, err := w.published(ctx, tag)
		switch {
		case got.code == 0 && (err != nil || digest != want[c.name]):
			w.note("%s: made %s, %v, want %s", which, digest, err, want[c.name])
		case got.code == 0:
			right++
		case got.stderr == "" || got.code < 0 || got.code == 1:
			w.note("%s: exit code %d: %s", which, got.code, got.stderr)
		default:
			fmt.Printf("# %s ends with exit code %d: %s", which, got.code, got.stderr)
		}
	}
	if float64(right) < 0.95*float64(runs) {
		w.note("only %d of %d runs ended right", right, runs)
	}
	return w.conclude(runs, "%d requests failed; %d runs ended right, the others said why", requests, right)
}

// published returns the digest of a payload that was pushed.
func (w *world) published(ctx context.Context, tag string) (string, error) {
	image, err := w.Image(ctx, w.to(tag))
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	return digest.String(), err
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench is what the measurements share.
type bench struct {
	options
	registry *registry
	tree     string // copy of the source that is edited
	plan     plan
	edits    int
}

// plan is the part of `oc rebuild plan -o json` that buildah needs.
type plan struct {
	Components []struct {
		Recipe struct {
			ContextDir     string `json:"contextDir"`
			DockerfileText string `json:"dockerfileText"`
			BuildArgs      []struct{ Name, Value string }
		} `json:"recipe"`
		Bases []struct {
			PullSpec string `json:"pullspec"`
		} `json:"bases"`
	} `json:"components"`
}

func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, tree: filepath.Join(o.work, "tree")}
	if err := os.RemoveAll(b.tree); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.work, 0o700); err != nil {
		return nil, err
	}
	if err := command(ctx, "cp", "-a", o.source, b.tree).Run(); err != nil {
		return nil, fmt.Errorf("copying the source: %w", err)
	}
	output, err := command(ctx, o.binary, "plan", o.component+"="+b.tree, "--from-release", o.release,
		"--release-repo", o.releaseRepo,
		"--cache-dir", b.cache(), "-o", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	if err := json.Unmarshal(output, &b.plan); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	b.registry, err = startRegistry()
	return b, err
}

func (b *bench) close() { b.registry.close() }

func (b *bench) cache() string { return filepath.Join(b.work, "cache") }

// change adds a line to the source.
func (b *bench) change() error {
	b.edits++
	file, err := os.OpenFile(filepath.Join(b.tree, b.edit), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "\nvar benchmark%d = %d // a change\n\nfunc init() { println(benchmark%d) }\n", b.edits,
		time.Now().UnixNano(), b.edits)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// outcome is one run of the program.
type outcome struct {
	seconds float64 // of the whole command
	build   float64 // of the image's build alone
	peak    int64   // memory of the program, not of what it starts, in bytes
	digest  string
}

// rebuild runs the main job.
func (b *bench) rebuild(ctx context.Context) (outcome, error) {
	c := command(ctx, b.binary, b.component+"="+b.tree, "--from-release", b.release, "--to-image",
		b.registry.host+"/bench/release:new",
		"--release-repo", b.releaseRepo, "--cache-dir", b.cache(), "--storage-root", filepath.Join(b.work, "storage"),
		"--isolation", b.isolation, "--insecure", "-q", "-o", "json")
	var out strings.Builder
	c.Stdout = &out
	begin := time.Now()
	if err := c.Start(); err != nil {
		return outcome{}, err
	}
	peak := watchMemory(c.Process.Pid)
	if err := c.Wait(); err != nil {
		return outcome{}, fmt.Errorf("rebuilding: %w", err)
	}
	o := outcome{seconds: time.Since(begin).Seconds(), peak: <-peak}
	var result struct {
		Release    struct{ Digest string }
		Components []struct{ Seconds map[string]float64 }
	}
	if err := json.Unmarshal([]byte(out.String()), &result); err != nil {
		return outcome{}, fmt.Errorf("reading the result: %w", err)
	}
	o.build, o.digest = result.Components[0].Seconds["build"], result.Release.Digest
	return o, nil
}

// bud builds the same image with buildah and returns the seconds.
func (b *bench) bud(ctx context.Context) (float64, error) {
	component := b.plan.Components[0]
	dockerfile := filepath.Join(b.work, "Dockerfile")
	if err := os.WriteFile(dockerfile, []byte(component.Recipe.DockerfileText), 0o600); err != nil {
		return 0, err
	}
	args := append(b.storage(), "bud", "--isolation", b.isolation, "--network", "host", "--format",
		"docker", "--layers=false",
		"--pull-never", "-q", "-t", "bench", "-f", dockerfile)
	if b.isolation == "oci" {
		args = append(args, "--runtime", "runc")
	}
	for _, arg := range component.Recipe.BuildArgs {
		args = append(args, "--build-arg", arg.Name+"="+arg.Value)
	}
	begin := time.Now()
	output, err := command(ctx, b.buildah, append(args,
		filepath.Join(b.tree, component.Recipe.ContextDir))...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("buildah bud: %w\n%s", err, output[max(0, len(output)-2000):])
	}
	return time.Since(begin).Seconds(), nil
}

// storage are the arguments that give buildah a storage of its own.
func (b *bench) storage() []string {
	return []string{"--root", filepath.Join(b.work, "buildah"), "--runroot", filepath.Join(b.work, "buildah-run")}
}

// command is a program whose errors are seen.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 30 * time.Second
	if !slices.Contains(args, "bud") {
		c.Stderr = os.Stderr
	}
	return c
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "oc-rebuild-e2e-")
	if err != nil {
		return 1, err
	}
	defer playground.Remove(dir)
	binary, err := build(filepath.Join(dir, "bin"))
	if err != nil {
		return 1, err
	}
	// Scripts run below dir and find the program on PATH, as a user does.
	for name, value := range map[string]string{
		"OC_REBUILD_E2E_DIR": dir,
		"PATH":               filepath.Dir(binary) + string(os.PathListSeparator) + os.Getenv("PATH"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// build puts a program named oc-rebuild into dir and returns its path.
func build(dir string) (string, error) {
	binary := filepath.Join(dir, "oc-rebuild")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if given := os.Getenv("OC_REBUILD_BINARY"); given != "" {
		if _, err := os.Stat(given); err != nil || !filepath.IsAbs(given) {
			return "", fmt.Errorf("OC_REBUILD_BINARY is %q, want the absolute path of a program", given)
		}
		return binary, os.Symlink(given, binary)
	}
	return binary, playground.BuildProgram(context.Background(), binary)
}

func TestScripts(t *testing.T) { testScripts(t, "testdata/scripts") }

// testScripts runs the scripts of a directory, each in a playground of its own.
func testScripts(t *testing.T, scripts string) {
	dir := os.Getenv("OC_REBUILD_E2E_DIR")
	t.Cleanup(func() { // what all scripts share
		for _, shared := range []string{"storage", "compile"} {
			if found, err := leaks(filepath.Join(dir, shared), nil); err != nil || len(found) > 0 {
				t.Errorf("a secret is in %q (%v)", found, err)
			}
		}
	})
	testscript.Run(t, testscript.Params{
		Dir:                 scripts,
		Setup:               func(env *testscript.Env) error { return setup(env, dir, playground.Options{}) },
		Cmds:                commands(),
		Condition:           condition,
		UpdateScripts:       os.Getenv("OC_REBUILD_UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// condition knows [root], for what only root may prepare.
func condition(name string) (bool, error) {
	if name != "root" {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	return os.Geteuid() == 0, nil
}

// setup gives each script a playground of its own. Storage is shared, so that the base images are pulled once.
func setup(env *testscript.Env, dir string, options playground.Options) error {
	home, err := os.MkdirTemp(dir, "playground-")
	if err != nil {
		return err
	}
	options.Storage = filepath.Join(dir, "storage")
	p, err := playground.Start(context.Background(), home, options)
	if err != nil {
		return err
	}
	env.Defer(p.Close)
	if err := plant(p); err != nil {
		return err
	}
	env.Vars = append(env.Vars, secretVariables()...)
	env.Defer(func() { secretsKept(env.T(), p, env.WorkDir) })
	if err := shareCompileCache(p, dir); err != nil {
		return err
	}
	env.Values[key{}] = p
	env.Values[backgroundKey{}] = &background{}
	env.Values[clusterKey{}] = &clusterOf{}
	env.Vars = append(env.Vars, p.Env()...)
	env.Vars = append(env.Vars,
		"GOCOVERDIR="+os.Getenv("GOCOVERDIR"), "REGISTRY="+p.Registry.Host, "GIT_URL="+p.Git.URL,
		"RELEASE_REPO="+p.ReleaseRepo,
		"PAYLOAD="+p.Payload, "OKD_PAYLOAD="+p.OKDPayload, "PLAYGROUND="+p.Dir,
		// A number that no other process on the machine has on its command line.
		fmt.Sprintf("NONCE=%d%d", os.Getpid(), time.Now().UnixMicro()%1e6),
	)
	return nil
}

// shareCompileCache lets scripts that build the same repository compile the standard library once.
func shareCompileCache(p *playground.Playground, dir string) error {
	shared := filepath.Join(dir, "compile")
	for _, dir := range []string{shared, p.CacheDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.Symlink(shared, filepath.Join(p.CacheDir(), "compile"))
}

// key finds the playground of a script in its environment.
type key struct{}

func of(ts *testscript.TestScript) *playground.Playground {
	return ts.Value(key{}).(*playground.Playground)
}

package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options change what a playground is like. The zero value is good for most tests.
type Options struct {
	Cache   string     // where seeds are kept; "" = a directory of the user's cache directory
	Storage string     // where container tools keep images; "" = below the playground's directory
	Git     GitOptions // how strict the git server is
	Whole   bool       // every component of the payload has a repository; see WholeBranch
	GitRoot string     // a directory of ORG/REPO.git to serve in place of the playground's own repositories

	// Report hears what takes a while before it begins, the first time on a machine or every time; nil = nobody does.
	Report func(step string)
}

// Playground is a registry and a git server that run, and the files of a user who works with them.
type Playground struct {
	Registry    *Registry
	Git         *GitServer
	Dir         string // everything lies below it
	ReleaseRepo string // a directory laid out as openshift/release

	storage string  // Options.Storage
	index   []entry // what the registry was seeded with

	Payload    string // pull spec of an OCP payload that CI built, of the stream ocp/4.17
	OKDPayload string // pull spec of an OKD payload, of the stream origin/scos-4.17
}

// Start makes a playground below dir, which must exist. The first one on a machine takes about half a minute, later
// ones about a second. The caller closes it, and removes dir.
func Start(ctx context.Context, dir string, options Options) (*Playground, error) {
	if options.Report == nil {
		options.Report = func(string) {}
	}
	p := &Playground{
		Dir: dir, ReleaseRepo: filepath.Join(dir, "release"), storage: options.Storage,
		Payload: flavours()[0].Release, OKDPayload: flavours()[1].Release,
	}
	if err := p.start(ctx, options); err != nil {
		p.Close()
		return nil, fmt.Errorf("starting the playground: %w", err)
	}
	return p, nil
}

// Temporary starts a playground in a directory of its own for what do does, and removes both.
func Temporary(ctx context.Context, options Options, do func(*Playground) error) (err error) {
	dir, err := os.MkdirTemp("", "oc-rebuild-playground-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, Remove(dir)) }()
	p, err := Start(ctx, dir, options)
	if err != nil {
		return err
	}
	defer p.Close()
	return do(p)
}

func (p *Playground) start(ctx context.Context, options Options) error {
	cache, err := cacheDir(options.Cache)
	if err != nil {
		return err
	}
	blobs, index, err := seed(ctx, cache, options.Report)
	if err != nil {
		return err
	}
	p.index = index
	p.Registry, err = NewRegistry(filepath.Join(p.Dir, "registry"), blobs)
	if err != nil {
		return err
	}
	for _, e := range index {
		if err := p.Registry.load(e.Repository, e.Image, e.Tags...); err != nil {
			return err
		}
	}
	options.Report("writing the git repositories of the operators and of openshift/release")
	root := filepath.Join(p.Dir, "git")
	if err := writeRepositories(ctx, root); err != nil {
		return err
	}
	if options.Whole {
		if err := writeWhole(ctx, root); err != nil {
			return fmt.Errorf("writing the repositories of all components: %w", err)
		}
	}
	if err := p.writeReleaseRepo(ctx, root); err != nil {
		return fmt.Errorf("writing the openshift/release tree: %w", err)
	}
	if options.GitRoot != "" {
		root = options.GitRoot
	}
	p.Git, err = NewGitServer(root, options.Git)
	if err != nil {
		return err
	}
	return p.writeSettings()
}

func cacheDir(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), fmt.Sprintf("oc-rebuild-playground-%d", os.Getuid())), nil
	}
	return filepath.Join(dir, "oc-rebuild", "playground"), nil
}

// Close stops the registry and the git server. The files stay.
func (p *Playground) Close() {
	if p.Registry != nil {
		p.Registry.Close()
	}
	if p.Git != nil {
		p.Git.Close()
	}
}

// Remove removes a directory that a playground ran in. Without root, files in it may belong to users of the user's
// namespaces, which only a process in such a namespace can remove.
func Remove(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || os.Getuid() == 0 {
		return err
	}
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf",
		dir).CombinedOutput(); err != nil {
		return fmt.Errorf("removing %s: %w: %s", dir, err, out)
	}
	return nil
}

// Checkout clones a repository, such as "openshift/coredns", at a branch into dir, as a user would before changing it.
func (p *Playground) Checkout(ctx context.Context, repository, branch, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	origin := filepath.Join(p.Dir, "git", filepath.FromSlash(repository)+".git")
	if err := git(ctx, "", nil, "clone", "--quiet", "--branch", branch, origin, dir); err != nil {
		return err
	}
	return git(ctx, dir, nil, "remote", "set-url", "origin", "https://github.com/"+repository)
}

// Head returns the commit that a branch of a repository points at.
func (p *Playground) Head(ctx context.Context, repository, branch string) (string, error) {
	return gitOutput(ctx, filepath.Join(p.Dir, "git", filepath.FromSlash(repository)+".git"), nil, "rev-parse",
		"refs/heads/"+branch)
}

// Edit replaces text that must occur exactly once in a file.
func Edit(name, old, new string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if n := strings.Count(string(data), old); n != 1 {
		return fmt.Errorf("editing %s: %q occurs %d times", name, old, n)
	}
	return os.WriteFile(name, []byte(strings.Replace(string(data), old, new, 1)), 0o644)
}

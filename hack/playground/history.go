package playground

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// The repositories that really build. repos/ORG/REPO holds one txtar archive a commit, made in the order of the
// names. An archive begins with header lines, an empty line and the commit message; its files replace or add to those
// of the parent. Headers:
//
//	ref: refs/heads/NAME      the ref that the commit becomes the tip of
//	parent: REVISION          where a new ref begins; default: the ref itself, or nothing
//	tag: NAME                 a lightweight tag on the commit
//	date: RFC3339             author and committer date
//	fork: ORG                 the commit is made in ORG/REPO, a fork of the finished repository; at most one a fork
//
//go:embed repos
var repos embed.FS

// commit is one txtar archive.
type commit struct {
	Ref, Parent, Tag, Fork string
	Date                   time.Time
	Message                string
	Files                  []txtar.File
}

// writeRepositories makes bare repositories ORG/REPO.git below root: always the same commits, with the same names.
func writeRepositories(ctx context.Context, root string) error {
	dirs, err := fs.Glob(repos, "repos/*/*")
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		name := strings.TrimPrefix(dir, "repos/")
		commits, err := readCommits(dir)
		if err != nil {
			return fmt.Errorf("reading the history of %s: %w", name, err)
		}
		if err := writeRepository(ctx, root, name, commits); err != nil {
			return fmt.Errorf("writing repository %s: %w", name, err)
		}
	}
	return nil
}

func readCommits(dir string) ([]commit, error) {
	names, err := fs.Glob(repos, dir+"/*.txtar")
	if err != nil {
		return nil, err
	}
	var commits []commit
	for _, name := range names {
		data, err := repos.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c, err := parseCommit(txtar.Parse(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		commits = append(commits, c)
	}
	return commits, nil
}

func parseCommit(archive *txtar.Archive) (commit, error) {
	header, message, _ := strings.Cut(string(archive.Comment), "\n\n")
	c := commit{Message: message, Files: archive.Files}
	for line := range strings.Lines(header) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "ref":
			c.Ref = value
		case "parent":
			c.Parent = value
		case "tag":
			c.Tag = value
		case "fork":
			c.Fork = value
		case "date":
			date, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return commit{}, err
			}
			c.Date = date
		default:
			return commit{}, fmt.Errorf("unknown header %q", line)
		}
	}
	return c, nil
}

func writeRepository(ctx context.Context, root, name string, commits []commit) error {
	dir := filepath.Join(root, name+".git")
	if err := initBare(ctx, dir); err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(commits), func(c commit) bool { return c.Fork != "" })
	if err := importCommits(ctx, dir, own...); err != nil {
		return err
	}
	for _, c := range commits {
		if c.Fork == "" {
			continue
		}
		fork := filepath.Join(root, c.Fork, path.Base(name)+".git")
		if err := git(ctx, "", nil, "clone", "--quiet", "--bare", "--no-hardlinks", dir, fork); err != nil {
			return err
		}
		if err := importCommits(ctx, fork, c); err != nil {
			return err
		}
	}
	return nil
}

func importCommits(ctx context.Context, dir string, commits ...commit) error {
	var stream bytes.Buffer
	for _, c := range commits {
		c.writeTo(&stream)
	}
	return git(ctx, dir, stream.Bytes(), "fast-import", "--quiet", "--date-format=rfc2822")
}

func initBare(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return git(ctx, dir, nil, "init", "--quiet", "--bare", "--initial-branch=master")
}

// writeTo writes the commit in the form that git fast-import reads.
func (c commit) writeTo(b *bytes.Buffer) {
	who := "Playground <playground@example.com> " + c.Date.Format(time.RFC1123Z)
	fmt.Fprintf(b, "commit %s\nauthor %s\ncommitter %s\ndata %d\n%s\n", c.Ref, who, who, len(c.Message), c.Message)
	if c.Parent != "" {
		fmt.Fprintf(b, "from %s\n", c.Parent)
	}
	for _, f := range c.Files {
		mode := "100644"
		if bytes.HasPrefix(f.Data, []byte("#!")) {
			mode = "100755"
		}
		fmt.Fprintf(b, "M %s inline %s\ndata %d\n%s\n", mode, f.Name, len(f.Data), f.Data)
	}
	if c.Tag != "" {
		fmt.Fprintf(b, "reset refs/tags/%s\nfrom %s\n", c.Tag, c.Ref)
	}
}

// git runs git, in dir unless that is "", without the user's configuration.
func git(ctx context.Context, dir string, stdin []byte, args ...string) error {
	_, err := gitOutput(ctx, dir, stdin, args...)
	return err
}

func gitOutput(ctx context.Context, dir string, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

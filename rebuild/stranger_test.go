package rebuild_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// ownCommit is a commit of the repository's own, whose files lie in a directory.
type ownCommit struct {
	directories
	store *gitsrc.Store
	path  string
}

func (o ownCommit) tree(request gitsrc.Request) gitsrc.Tree {
	return gitsrc.Tree{Kind: gitsrc.Payload, Repository: request.Repository, Commit: commit,
		Ref: request.Branch, Time: commitTime}
}

func (o ownCommit) View(ctx context.Context, request gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) {
	revision, err := o.store.ReleaseTree(ctx, o.path)
	return revision, o.tree(request), err
}

func (o ownCommit) Fetch(_ context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error) {
	tree := o.tree(request)
	tree.Directory = directory
	return tree, os.CopyFS(directory, os.DirFS(o.path))
}

func (ownCommit) OnBranch(context.Context, string, string, ...string) (bool, error) { return true, nil }

// TestPlanOfAStranger applies a plan whose Dockerfile leaves something in the compile cache: no other build sees it.
func TestPlanOfAStranger(t *testing.T) {
	p := newPlayground(t)
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	check(t, err)
	const honestStep = `RUN ["/bin/tool", "copy", "/run/oc-rebuild/go-build/action-entry", "/out"]`
	const evilStep = `RUN ["/bin/tool", "write", "/run/oc-rebuild/go-build/action-entry", "evil"]`
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BUILDER AS builder\nCOPY . /src\n" + honestStep +
			"\nFROM BASE\nCOPY --from=builder /out /usr/bin/out\n")})
	options := p.options(t)
	options.Sources = ownCommit{store: store, path: directory}
	request := p.request(plan.Target{Name: "one", Dockerfile: "Dockerfile"})
	within := func(do func(*rebuild.Job) error) error {
		t.Helper()
		job, err := rebuild.New(options)
		check(t, err)
		defer job.Close() //nolint:errcheck // the test's directory goes away
		return do(job)
	}
	var text string
	check(t, within(func(job *rebuild.Job) error {
		planned, err := job.Plan(t.Context(), request)
		check(t, err)
		data, err := json.Marshal(planned)
		text = string(data)
		return err
	}))
	quoted := strings.NewReplacer(`"`, `\"`).Replace
	changed := strings.Replace(text, quoted(honestStep), quoted(evilStep)+`\n`+quoted(honestStep), 1)
	if changed == text {
		t.Fatalf("the step is not in the plan: %s", text)
	}
	read, err := plan.Read([]byte(changed))
	check(t, err)
	check(t, within(func(job *rebuild.Job) error {
		_, err := job.Apply(t.Context(), read, plan.Request{To: request.To, ToRepository: request.ToRepository})
		return err
	}))
	err = within(func(job *rebuild.Job) error {
		_, err := job.Run(t.Context(), request)
		return err
	})
	if fault.KindOf(err) != fault.Build {
		t.Errorf("an honest build found what the plan's left: %v", err)
	}
}

// TestTriggersOfABase has bases whose ONBUILD takes something from this machine or a server.
func TestTriggersOfABase(t *testing.T) {
	p := newPlayground(t)
	tool := staticTool(t)
	for triggers, refused := range map[string]bool{
		"COPY --from=localhost/private/app /etc/private /stolen":                                                true,
		"RUN --mount=type=bind,from=localhost/private/app,target=/x true":                                       true,
		"ADD https://example.com/x /x":                                                                          true,
		"# escape=`\x00RUN [\"/bin/tool\", \"say\"] \\\nCOPY --from=localhost/private/app /etc/private /stolen": true,
		"ENV A=b \\\x00COPY --from=localhost/private/app /etc/private /stolen":                                  true,
		"ENV U=http://example.com/x":                                                                            true,
		"ENV U=http:\x00ADD $U//example.com/x /x":                                                               true,
		"ADD http:/$NOTHING/example.com/y /x":                                                                   true,
		"add\thttp:/$NOTHING/example.com/y /x":                                                                  true,
		"RUN --mount=type=secret,id=token true":                                                                 true,
		"ENV A=b":                                                                                               false,
		"ENV A=b\x00COPY f /g\x00USER 0":                                                                        false,
	} {
		base := baseImage(t, map[string]string{"bin/tool": tool})
		config, err := base.ConfigFile()
		check(t, err)
		config = config.DeepCopy()
		config.Config.OnBuild = strings.Split(triggers, "\x00")
		base, err = mutate.ConfigFile(base, config)
		check(t, err)
		p.base = p.registry.Push(t, "bases/triggers", "latest", base)
		directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": triggers})
		_, err = p.run(t, t.Context(), p.options(t), target("one", directory))
		if refused != (err != nil && strings.Contains(err.Error(), "has ONBUILD")) || !refused && err != nil {
			t.Errorf("ONBUILD %q: %v", triggers, err)
		}
	}
}

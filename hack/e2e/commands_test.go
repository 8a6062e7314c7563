package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster/clustertest"
)

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are what a script can say beside the commands of testscript.
func commands() map[string]command {
	return map[string]command{
		"exits":       exits,
		"result":      result,
		"checkout":    checkout,
		"edit":        edit,
		"refuse":      refuse,
		"protect":     protect,
		"login":       login,
		"reset":       func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).Registry.Reset() },
		"run-from":    runFrom,
		"published":   published,
		"unchanged":   unchanged,
		"scrub":       scrub,
		"interrupt":   interrupt,
		"begin":       begin,
		"sees":        sees,
		"still":       still,
		"ends":        ends,
		"shoot":       shoot,
		"clean":       clean,
		"step":        step,
		"gone":        gone,
		"delay":       delay,
		"faster":      faster,
		"has":         has,
		"component":   componentOf,
		"multi":       multi,
		"own-storage": ownStorage,
		"requests":    requests,
		"cluster":     startCluster,
		"tekton":      startTekton,
		"object":      object,
		"put":         put,
	}
}

// exits CODE PROGRAM ARG... runs a program and fails unless it ends with that exit code. Like exec, it sets stdout and
// stderr.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2, "exits CODE PROGRAM ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	if has, _ := contains(strings.NewReader(ts.ReadFile("stdout") + ts.ReadFile("stderr"))); has {
		ts.Fatalf("the output has a secret")
	}
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("%s ends with %v, want exit code %d", args[1], err, want)
	}
}

// result NAME checks that the output of the last command ends in a digest pull spec, or in the name of a run, and puts
// that into the variable NAME.
func result(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "result NAME")
	lines := strings.Split(strings.TrimRight(ts.ReadFile("stdout"), "\n"), "\n")
	last := lines[len(lines)-1]
	if !regexp.MustCompile(`^([a-zA-Z0-9.:/_-]+@sha256:[0-9a-f]{64}|rebuild-[a-z2-7]{8})$`).MatchString(last) {
		ts.Fatalf("the last line of the output is %q, want a pull spec by digest or the name of a run", last)
	}
	ts.Setenv(args[0], last)
}

// checkout REPOSITORY BRANCH DIR clones a repository of the playground.
func checkout(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "checkout REPOSITORY BRANCH DIR")
	ts.Check(of(ts).Checkout(context.Background(), args[0], args[1], ts.MkAbs(args[2])))
}

// edit FILE OLD NEW replaces text that occurs once. \n in OLD and NEW stands for the end of a line.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "edit FILE OLD NEW")
	lines := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	ts.Check(playground.Edit(ts.MkAbs(args[0]), lines.Replace(args[1]), lines.Replace(args[2])))
}

// refuse METHOD PATH STATUS [TIMES] makes the registry refuse requests whose path contains PATH.
func refuse(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3 || len(args) == 4, "refuse METHOD PATH STATUS [TIMES]")
	rule := playground.Rule{Method: args[0], Path: args[1]}
	var err error
	rule.Status, err = strconv.Atoi(args[2])
	ts.Check(err)
	if len(args) == 4 {
		rule.Times, err = strconv.Atoi(args[3])
		ts.Check(err)
	}
	of(ts).Registry.Add(rule)
}

// delay METHOD PATH DURATION makes the registry wait before it answers requests whose path contains PATH.
func delay(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "delay METHOD PATH DURATION")
	wait, err := time.ParseDuration(args[2])
	ts.Check(err)
	of(ts).Registry.Add(playground.Rule{Method: args[0], Path: args[1], Delay: wait})
}

// protect REPOSITORY USER PASSWORD [token] [push] makes the registry ask for credentials.
func protect(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 3, "protect REPOSITORY USER PASSWORD [token] [push]")
	guard := playground.Guard{Repository: args[0], User: args[1], Password: args[2]}
	for _, word := range args[3:] {
		guard.Token = guard.Token || word == "token"
		guard.PushOnly = guard.PushOnly || word == "push"
	}
	of(ts).Registry.Protect(guard)
}

// login USER PASSWORD writes the auth file that REGISTRY_AUTH_FILE names.
func login(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2, "login USER PASSWORD")
	p := of(ts)
	auth := base64.StdEncoding.EncodeToString([]byte(args[0] + ":" + args[1]))
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, p.Registry.Host, auth)
	ts.Check(os.WriteFile(p.AuthFile(), []byte(text), 0o600))
}

// run-from RELEASE COMPONENT PROGRAM ARG... runs a program out of the image that a payload names. Like exec, it sets
// stdout.
func runFrom(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 3, "run-from RELEASE COMPONENT PROGRAM ARG...")
	p := of(ts)
	release, err := p.Release(context.Background(), args[0])
	ts.Check(err)
	pullspec := release.PullSpec(args[1])
	if pullspec == "" {
		ts.Fatalf("%s names no component %q", args[0], args[1])
	}
	program, err := p.Program(context.Background(), pullspec, args[2], ts.Getenv("TMPDIR"))
	ts.Check(err)
	defer os.Remove(program)
	ts.Check(ts.Exec(program, args[3:]...))
}

// has RELEASE COMPONENT FILE checks that the image that a payload names has a file.
func has(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 3, "[!] has RELEASE COMPONENT FILE")
	release, err := of(ts).Release(context.Background(), args[0])
	ts.Check(err)
	_, err = of(ts).ReadFile(context.Background(), release.PullSpec(args[1]), args[2])
	if neg != errors.Is(err, os.ErrNotExist) || !neg && err != nil {
		ts.Fatalf("%s of %s: %v", args[2], args[1], err)
	}
}

// component RELEASE COMPONENT NAME puts the pull spec of a component into the variable NAME.
func componentOf(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "component RELEASE COMPONENT NAME")
	release, err := of(ts).Release(context.Background(), args[0])
	ts.Check(err)
	ts.Setenv(args[2], release.PullSpec(args[1]))
}

// multi ARCH NAME makes a manifest list of $PAYLOAD for this machine's architecture and another one, whose pull spec
// goes into a variable. The script gets a container storage of its own: others know the base as one image.
func multi(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2, "multi ARCH NAME")
	pullSpec, err := of(ts).Multi(context.Background(), args[0])
	ts.Check(err)
	ts.Setenv(args[1], pullSpec)
	ts.Check(of(ts).SetStorage(""))
}

// own-storage gives the script a container storage and a compile cache that no other script uses, empty at first.
func ownStorage(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(of(ts).SetStorage(""))
	ts.Check(os.Remove(filepath.Join(of(ts).CacheDir(), "compile")))
}

// published REPOSITORY:TAG checks that the registry has a whole image there; with !, that it has nothing.
func published(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1, "[!] published REPOSITORY:TAG")
	repository, tag, _ := strings.Cut(strings.TrimPrefix(args[0], of(ts).Registry.Host+"/"), ":")
	lacking, err := of(ts).Registry.Lacks(repository, tag)
	switch {
	case neg && !errors.Is(err, os.ErrNotExist):
		ts.Fatalf("%s is there (%v), want nothing", args[0], err)
	case !neg && err != nil:
		ts.Fatalf("%s: %v", args[0], err)
	case !neg && len(lacking) > 0:
		ts.Fatalf("%s lacks %v", args[0], lacking)
	}
}

// requests [none] begins to count the requests to the registry and the git server; with none it fails where there were
// some.
func requests(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 0 || len(args) == 1 && args[0] == "none", "requests [none]")
	registry, git := of(ts).Registry.Requests(), of(ts).Git.Requests()
	if len(args) == 1 && (len(registry) > 0 || git > 0) {
		ts.Fatalf("the registry was asked %v, the git server %d times", registry, git)
	}
}

// scrub FILE replaces in a file (or stdout) what differs from run to run and from machine to machine, and prose, and
// writes the rest to FILE.scrubbed.
func scrub(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "scrub FILE")
	p := of(ts)
	text := ts.ReadFile(args[0])
	text = strings.NewReplacer(p.Registry.Host, "REGISTRY", p.Git.URL, "GIT_URL/", ts.Getenv("WORK"), "WORK",
		p.Dir, "PLAYGROUND").
		Replace(text)
	text = regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(text, "DIGEST")
	text = regexp.MustCompile(`("reason": )".+"`).ReplaceAllString(text, `$1"PROSE"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".scrubbed"), []byte(text), 0o644))
}

func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

// clusterKey finds the API server of a script in its environment.
type clusterKey struct{}

// startCluster PAYLOAD starts an API server that has the objects of a payload, as if it had been installed from it, and
// makes it the one of $KUBECONFIG. It hosts a cluster, clusters/mine, with the same payload.
func startCluster(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "cluster PAYLOAD")
	server := serveCluster(ts)
	ts.Check(ts.Exec("oc-rebuild", "extract", args[0], "--to", "installed"))
	ts.Check(server.Load(ts.MkAbs("installed")))
	ts.Check(server.Apply("/apis/config.openshift.io/v1/clusterversions/version",
		"metadata: {name: version}\nspec: {}\nstatus: {desired: {image: '"+args[0]+"'}}\n"))
	ts.Check(server.Apply("/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/hostedclusters/mine",
		"metadata: {name: mine}\nspec: {release: {image: '"+args[0]+"'}}\n"))
}

// startTekton starts an API server with Tekton, whose pods are processes of the program in the script's environment,
// and makes it the one of $KUBECONFIG.
func startTekton(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 0, "tekton")
	server := serveCluster(ts)
	pods := ts.MkAbs("pods")
	ts.Check(os.MkdirAll(pods, 0o755))
	ts.Defer(server.AddTekton(pods, func(ctx context.Context, args []string, log io.Writer) int {
		cmd := program(ts, append([]string{"oc-rebuild"}, args...))
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(log, "error: "+err.Error())
			return 1
		}
		defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()
		_ = cmd.Wait() // the exit code says it
		return cmd.ProcessState.ExitCode()
	}))
}

// serveCluster starts an API server that ends with the script, and makes it the one of $KUBECONFIG.
func serveCluster(ts *testscript.TestScript) *clustertest.Server {
	server, end, err := clustertest.Start(ts.MkAbs("."))
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv("KUBECONFIG", server.Kubeconfig)
	ts.Value(clusterKey{}).(*clusterOf).server = server
	return server
}

// clusterOf has the API server of a script, once it runs one.
type clusterOf struct{ server *clustertest.Server }

// put ADDRESS FILE gives the cluster an object.
func put(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2, "put ADDRESS FILE")
	ts.Check(ts.Value(clusterKey{}).(*clusterOf).server.Apply(args[0], ts.ReadFile(args[1])))
}

// object ADDRESS PATTERN checks that an object of the cluster, as JSON, matches a pattern, or does not.
func object(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, "object ADDRESS PATTERN")
	text := ts.Value(clusterKey{}).(*clusterOf).server.Get(args[0])
	if regexp.MustCompile(args[1]).MatchString(text) == neg {
		ts.Fatalf("%s is %s", args[0], text)
	}
}

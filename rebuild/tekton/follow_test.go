package tekton_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster/clustertest"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

// told is a listener that remembers.
type told struct {
	mu  sync.Mutex
	all []string
}

// Report implements progress.Listener.
func (l *told) Report(event progress.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%s %s %s: %s", event.Component, event.Stage, event.State, event.Message))
}

// read takes "done COMPONENT" for an event.
func read(line string) (progress.Event, bool) {
	if warning, ok := strings.CutPrefix(line, "warning "); ok {
		return progress.Event{Stage: progress.Build, State: progress.Warned, Message: warning}, true
	}
	component, ok := strings.CutPrefix(line, "done ")
	return progress.Event{Component: component, Stage: progress.Build, State: progress.Done}, ok
}

// follow carries a plan out with a program of the test's, and follows it.
func follow(t *testing.T, planned *plan.Plan, o tekton.Options, program clustertest.Step,
	meddle func(*clustertest.Server)) (*tekton.Outcome, []string, error) {
	t.Helper()
	return followLanes(t, lanes(planned), o, program, meddle)
}

func followLanes(t *testing.T, plans []tekton.Lane, o tekton.Options, program clustertest.Step,
	meddle func(*clustertest.Server)) (*tekton.Outcome, []string, error) {
	t.Helper()
	server := clustertest.New(t)
	t.Cleanup(server.AddTekton(t.TempDir(), program))
	if meddle != nil {
		meddle(server)
	}
	api, err := cluster.Connect(server.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	target := &tekton.Cluster{API: api, Poll: 5 * time.Millisecond, LastWords: time.Second}
	if err := target.Check(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	objects, err := tekton.Make(plans, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Start(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	var listener told
	made, err := target.Follow(t.Context(), "rebuild-1", read, &listener)
	return made, listener.all, err
}

// result writes what a step makes, to the file that its arguments name.
func result(args []string) {
	if at := slices.Index(args, "--result-file"); at >= 0 {
		_ = os.WriteFile(args[at+1], []byte("example.com/me/"+args[0]+"-"+args[1]+"@sha256:0"), 0o644)
	}
}

func TestFollow(t *testing.T) {
	var mu sync.Mutex
	began := map[string][]string{}
	made, said, err := follow(t, planOf("a", "b: a", "C.d"), options(),
		func(_ context.Context, args []string, log io.Writer) int {
			mu.Lock()
			began[args[1]] = args
			mu.Unlock()
			fmt.Fprintf(log, "error: of a library\nwarning of an old kernel\ndone %s\nnothing\n", args[1])
			result(args)
			return 0
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if made.Payload != "example.com/me/assemble-a=example.com/me/component-a@sha256:0@sha256:0" ||
		len(made.Components) != 3 || made.Components[0].Name != "C.d" ||
		made.Components[2].Image != "example.com/me/component-b@sha256:0" {
		t.Errorf("made %+v", made)
	}
	if got := strings.Join(began["b"], " "); !strings.HasPrefix(got,
		"component b a=example.com/me/component-a@sha256:0 --platform linux/amd64 --to-repository example.com/me/release --insecure --plan example.com/plans@sha256:0 ") {
		t.Errorf("b was built with %s", got)
	}
	if !slices.Contains(said, "b build done: ") || !slices.Contains(said, "C.d build done: ") {
		t.Errorf("said %q", said)
	}
	warnings := slices.DeleteFunc(said, func(line string) bool { return !strings.Contains(line, "of an old kernel") })
	if len(warnings) != 1 {
		t.Errorf("of pods that warn alike %q is said", warnings)
	}
}

// TestFollowLanes has a run for two platforms. What one of them cannot build is left as it was in both.
func TestFollowLanes(t *testing.T) {
	o := options()
	o.KeepGoing = true
	var mu sync.Mutex
	var assembled string
	made, said, err := followLanes(t, lanes(planOf("a", "b: a", "c"), planOf("a", "b: a", "c")), o,
		func(_ context.Context, args []string, log io.Writer) int {
			file, platform := args[slices.Index(args, "--result-file")+1], args[slices.Index(args, "--platform")+1]
			switch {
			case args[0] == "assemble":
				mu.Lock()
				assembled = strings.Join(args, " ")
				mu.Unlock()
				_ = os.WriteFile(file, []byte("example.com/me/payload@sha256:0"), 0o644)
			case args[1] == "c" && platform == "linux/arm64":
				fmt.Fprintln(log, "error: no compiler")
				_ = os.WriteFile(file, []byte(plan.Left), 0o644)
				return 5
			default:
				fmt.Fprintln(log, "done "+args[1])
				image := "example.com/me/" + args[1] + strings.TrimPrefix(platform, "linux/") + "@sha256:0"
				if args[1] == "b" { // on what its own lane made
					image = strings.ReplaceAll(args[2], "=", "/")
				}
				_ = os.WriteFile(file, []byte(image), 0o644)
			}
			return 0
		}, nil)
	if err == nil || fault.KindOf(err) != fault.Build || !strings.Contains(err.Error(), "no compiler") {
		t.Errorf("error %v", err)
	}
	if made == nil || !slices.Equal(made.Left, []string{"c"}) || len(made.Components) != 4 {
		t.Fatalf("made %+v", made)
	}
	for i, want := range []tekton.Made{
		{Name: "a", Platform: "linux/amd64", Image: "example.com/me/aamd64@sha256:0"},
		{Name: "a", Platform: "linux/arm64", Image: "example.com/me/aarm64@sha256:0"},
		{Name: "b", Platform: "linux/amd64", Image: "a/example.com/me/aamd64@sha256:0"},
		{Name: "b", Platform: "linux/arm64", Image: "a/example.com/me/aarm64@sha256:0"},
	} {
		if got := made.Components[i]; got.Name != want.Name || got.Platform != want.Platform || got.Image != want.Image {
			t.Errorf("made %+v, want %+v", got, want)
		}
	}
	if !slices.Contains(said, "b (linux/arm64) build done: ") {
		t.Errorf("said %q", said)
	}
	want := "assemble a=example.com/me/aamd64@sha256:0 a=example.com/me/aarm64@sha256:0 " +
		"b=a/example.com/me/aamd64@sha256:0 b=a/example.com/me/aarm64@sha256:0 " +
		"c=example.com/me/camd64@sha256:0 c=left --platform linux/amd64,linux/arm64 "
	if !strings.HasPrefix(assembled, want) {
		t.Errorf("assembled by %q, want %q", assembled, want)
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		description string
		program     clustertest.Step
		kind        fault.Kind
		says        string
		told        string
	}{
		{"a build", func(_ context.Context, args []string, log io.Writer) int {
			if args[1] != "a" {
				result(args)
				return 0
			}
			fmt.Fprintf(log, "done a\nerror: building \"a\"\nlast line\n  The whole output is in %s/log.\n", "/scratch")
			return 5
		}, fault.Build, "building \"a\"\nlast line", "a build warned: failed, and is tried again: building \"a\""},
		{"another class", func(_ context.Context, args []string, log io.Writer) int {
			fmt.Fprintln(log, "error: log in")
			return 4
		}, fault.Unauthorized, "log in", "a build warned: failed, and is tried again"},
		{"not a word", func(context.Context, []string, io.Writer) int { return 137 }, fault.Other,
			`component "a": Failed: "step-rebuild" exited with an error`, "a build warned: failed, and is tried again"},
	} {
		t.Run(test.description, func(t *testing.T) {
			_, said, err := follow(t, planOf("a", "b: a"), options(),
				func(ctx context.Context, args []string, log io.Writer) int {
					return test.program(ctx, args, log)
				}, nil)
			if fault.KindOf(err) != test.kind || !strings.HasSuffix(err.Error(), test.says) {
				t.Errorf("error %q of class %v, want %q of %v", err, fault.KindOf(err), test.says, test.kind)
			}
			if all := strings.Join(said, "\n"); !strings.Contains(all, test.told) ||
				!strings.Contains(all, "not begun: b") {
				t.Errorf("said %s", all)
			}
		})
	}
}

// TestSecondTry succeeds after a failure.
func TestSecondTry(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	made, said, err := follow(t, planOf("a"), options(), func(_ context.Context, args []string, log io.Writer) int {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries == 1 {
			fmt.Fprintln(log, "error: a node went away")
			return 1
		}
		result(args)
		return 0
	}, nil)
	if err != nil || made.Payload == "" {
		t.Errorf("made %v, %v", made, err)
	}
	if again := "a build warned: failed, and is tried again: a node went away"; !slices.Contains(said, again) {
		t.Errorf("said %q", said)
	}
}

// TestSilentLog has logs that never end: the run does.
func TestSilentLog(t *testing.T) {
	made, _, err := follow(t, planOf("a"), options(), func(_ context.Context, args []string, _ io.Writer) int {
		result(args)
		return 0
	}, func(server *clustertest.Server) {
		server.Silent(func(request *http.Request) bool { return strings.HasSuffix(request.URL.Path, "/log") })
	})
	if err != nil || made.Payload == "" {
		t.Errorf("made %v, %v", made, err)
	}
}

// TestLogBreaks has connections that carry a log break in the middle of it: each line is heard once.
func TestLogBreaks(t *testing.T) {
	var mu sync.Mutex
	lines := map[string]bool{}
	program := func(_ context.Context, args []string, log io.Writer) int {
		for i := range 20 {
			line := fmt.Sprintf("%s-%d", args[1], i)
			mu.Lock()
			lines[line] = true
			mu.Unlock()
			fmt.Fprintln(log, "done "+line)
			time.Sleep(time.Millisecond)
		}
		result(args)
		return 0
	}
	_, said, err := follow(t, planOf("a", "b"), options(), program, func(server *clustertest.Server) {
		broken := 0
		server.Before(func(w http.ResponseWriter, request *http.Request) bool {
			if !strings.HasSuffix(request.URL.Path, "/log") {
				return false
			}
			if broken++; broken%2 == 0 {
				panic(http.ErrAbortHandler)
			}
			return false
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(said)
	for line := range lines {
		if !strings.HasPrefix(line, "a=") && !slices.Contains(said, line+" build done: ") {
			t.Errorf("%q was not heard", line)
		}
	}
	if heard := len(slices.DeleteFunc(said,
		func(s string) bool { return !strings.Contains(s, "build done") })); heard != len(lines) {
		t.Errorf("%d lines heard of %d", heard, len(lines))
	}
}

func TestCancel(t *testing.T) {
	server := clustertest.New(t)
	started := make(chan struct{})
	var once sync.Once
	t.Cleanup(server.AddTekton(t.TempDir(), func(ctx context.Context, args []string, log io.Writer) int {
		once.Do(func() { close(started) })
		<-ctx.Done()
		return 130
	}))
	api, err := cluster.Connect(server.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	target := &tekton.Cluster{API: api, Poll: 5 * time.Millisecond}
	objects, err := tekton.Make(lanes(planOf("a", "b: a")), options())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(target.Start(t.Context(), objects),
		target.Start(t.Context(), tekton.Objects{Tasks: objects.Tasks,
			Run: tekton.Run{Metadata: tekton.Metadata{Name: "other"}}})); err != nil {
		t.Fatal(err)
	}
	<-started
	if err := target.Cancel(t.Context(), "rebuild-1"); err != nil {
		t.Fatal(err)
	}
	_, err = target.Follow(t.Context(), "rebuild-1", read, &told{})
	if fault.KindOf(err) != fault.Interrupted {
		t.Errorf("a cancelled run ends with %v", err)
	}
	server.Before(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method != http.MethodPatch {
			return false
		}
		http.Error(w, "once the PipelineRun is complete, no updates are allowed", http.StatusBadRequest)
		return true
	})
	if err := target.Cancel(t.Context(), "rebuild-1"); err != nil {
		t.Errorf("cancelled once more: %v", err)
	}
	runs, err := target.List(t.Context())
	if err != nil || len(runs) != 2 || !slices.ContainsFunc(runs,
		func(r tekton.Summary) bool { return r.Name == "rebuild-1" && r.State == "Cancelled" }) {
		t.Errorf("runs %+v, %v", runs, err)
	}
}

// TestKeepGoing has a component that cannot be built: the payload has the others, and the error says why.
func TestKeepGoing(t *testing.T) {
	o := options()
	o.KeepGoing = true
	program := func(_ context.Context, args []string, log io.Writer) int {
		switch {
		case args[0] == "assemble":
			fmt.Fprintln(log, strings.Join(args, " "))
		case args[1] == "a" || slices.Contains(args, "a=left"):
			fmt.Fprintf(log, "error: building %q\n", args[1])
			_ = os.WriteFile(args[slices.Index(args, "--result-file")+1], []byte(plan.Left), 0o644)
			return 5
		}
		result(args)
		return 0
	}
	made, _, err := follow(t, planOf("a", "b: a", "c"), o, program, nil)
	if made == nil || fmt.Sprint(made.Left) != "[a b]" || len(made.Components) != 1 || made.Components[0].Name != "c" ||
		made.Payload == "" {
		t.Errorf("made %+v", made)
	}
	if fault.KindOf(err) != fault.Build || !strings.Contains(err.Error(), `building "a"`) ||
		!strings.Contains(err.Error(), `building "b"`) {
		t.Errorf("the error is %v", err)
	}
	failing := func(_ context.Context, args []string, _ io.Writer) int {
		if args[0] == "assemble" {
			return 6
		}
		result(args)
		return 0
	}
	if made, _, err := follow(t, planOf("a"), o, failing, nil); made != nil || fault.KindOf(err) != fault.Publish {
		t.Errorf("a payload that cannot be pushed: %+v, %v", made, err)
	}
}

func TestNoTekton(t *testing.T) {
	api, err := cluster.Connect(clustertest.New(t).Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	err = (&tekton.Cluster{API: api}).Check(t.Context(), true)
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "has no Tekton") {
		t.Errorf("without Tekton: %v", err)
	}
	server := clustertest.New(t)
	t.Cleanup(server.AddTekton(t.TempDir(), nil))
	server.Deny("create pipelineruns")
	if api, err = cluster.Connect(server.Kubeconfig, ""); err != nil {
		t.Fatal(err)
	}
	err = (&tekton.Cluster{API: api}).Check(t.Context(), true)
	if fault.KindOf(err) != fault.Unauthorized ||
		!strings.Contains(err.Error(), "may not create pipelineruns in namespace \"here\"") {
		t.Errorf("without the right: %v", err)
	}
}

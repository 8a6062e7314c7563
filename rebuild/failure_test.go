package rebuild_test

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

func TestFailingStepShowsItsOutputAndTheLog(t *testing.T) {
	p := newPlayground(t)
	const two = "FROM BUILDER AS first\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\nFROM BASE\nCOPY --from=first /f /f\n"
	for _, stages := range []string{"FROM BASE\n", two} {
		p.failingStep(t,
			p.dockerfile(stages+"RUN [\"/bin/tool\", \"say\", \"before\"]\nRUN [\"/bin/tool\", \"fail\"]\n"))
	}
}

func (p *playground) failingStep(t *testing.T, dockerfile string) {
	t.Helper()
	directory := source(t, map[string]string{"Dockerfile": dockerfile})
	_, err := p.run(t, t.Context(), p.options(t), target("one", directory))
	if fault.KindOf(err) != fault.Build {
		t.Fatalf("Run() = %v of class %d, want %d", err, fault.KindOf(err), fault.Build)
	}
	for _, want := range []string{`building "one"`, "/bin/tool", `two\x1b[31m`, "the compiler is not amused",
		"exit status 3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	for _, noise := range []string{"STEP ", "subprocess exited", "before"} {
		if strings.Contains(err.Error(), noise) {
			t.Errorf("the error says %q, which is not of the step that failed: %v", noise, err)
		}
	}
	failures := image.Failures(err)
	if len(failures) != 1 || failures[0].Component != "one" || failures[0].Step != `RUN ["/bin/tool", "fail"]` ||
		failures[0].ExitCode != 3 || len(failures[0].Lines) == 0 {
		t.Errorf("the failed steps: %+v", failures)
	}
	path := regexp.MustCompile(`\S+\.log`).FindString(fault.AdviceOf(err))
	log, readErr := os.ReadFile(path)
	if readErr != nil || !strings.Contains(string(log), "before\n") || !strings.Contains(string(log), "amused") {
		t.Errorf("advice %q names no log with the whole output: %v", fault.AdviceOf(err), readErr)
	}
	if found := p.leftovers(t); len(found) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(found, "\n"))
	}
}

// slowly takes its time for every line of a build.
type slowly struct{}

func (slowly) Report(event progress.Event) {
	if event.Stage == progress.Build && event.State == progress.Running {
		time.Sleep(time.Millisecond)
	}
}

// TestLastLines has a step say much and fail at once, faster than anybody reads it: what it said last, on either of its
// files, is there.
func TestLastLines(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"complain\"]\n")})
	o := p.options(t)
	o.Progress = slowly{}
	for range 4 {
		_, err := p.run(t, t.Context(), o, target("one", directory))
		log, readErr := os.ReadFile(regexp.MustCompile(`\S+\.log`).FindString(fault.AdviceOf(err)))
		if readErr != nil {
			t.Fatalf("%v: %v", err, readErr)
		}
		for _, want := range []string{"the last complaint of stdout\n", "the last complaint of stderr\n"} {
			if !strings.Contains(string(log), want) {
				t.Fatalf("the %d bytes of output lack %q", len(log), want)
			}
		}
	}
}

// TestLastLinesWithoutNamespaces is TestLastLines where steps cannot have namespaces of their own, since devices are
// missing.
func TestLastLinesWithoutNamespaces(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if os.Getuid() != 0 || err != nil {
		t.Skip("only root can take devices away, with unshare")
	}
	// bound, not made: an ordinary user's namespace may not make devices
	const narrow = `mount -t tmpfs none "$0" && for d in null zero random urandom; do
		touch "$0/$d" && mount --bind "/dev/$d" "$0/$d" || exit 1
	done && mount --rbind "$0" /dev && exec "$@"`
	program, err := os.Open("/proc/self/exe") // in a user namespace it has no name
	check(t, err)
	defer program.Close()
	command := exec.Command(unshare, "-m", "sh", "-c", narrow, t.TempDir(), "/proc/self/fd/3", "-test.v",
		"-test.run", "^TestLastLines$")
	command.ExtraFiles = []*os.File{program}
	command.Dir, err = os.Getwd()
	check(t, err)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestLastLines") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFailingComponentKeepsTheWorkOfTheOthers(t *testing.T) {
	p := newPlayground(t)
	good := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	bad := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"fail\"]\n")})
	o := p.options(t)
	o.Jobs = 2
	early := &recorder{}
	o.Progress = early
	if _, err := p.run(t, t.Context(), o, target("one", bad), target("two", good)); fault.KindOf(err) != fault.Build {
		t.Fatalf("Run() = %v, want a failed build", err)
	}
	if !early.saw("one", progress.Build, progress.Failed) {
		t.Errorf("nobody heard of the failure: %+v", early.events)
	}
	heard := &recorder{}
	o.Progress = heard
	check(t, os.WriteFile(bad+"/Dockerfile",
		[]byte(p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/g\", \"y\"]\n")), 0o644))
	if _, err := p.run(t, t.Context(), o, target("one", bad), target("two", good)); err != nil {
		t.Fatal(err)
	}
	if !heard.saw("two", progress.Build, progress.Skipped) {
		t.Errorf("the second run built the component again that was finished: %+v", heard.events)
	}
}

func TestRefusedPush(t *testing.T) {
	tests := []struct {
		description string
		status      int
		at          func(*http.Request) bool
		want        fault.Kind
	}{
		{"blobs unauthorized", 401, isUpload, fault.Unauthorized},
		{"blobs forbidden", 403, isUpload, fault.Unauthorized},
		{"blobs not accepted", 405, isUpload, fault.Publish},
		{"component manifest refused", 400, isManifest("component-images"), fault.Publish},
		{"payload manifest forbidden", 403, isManifest("mine/release"), fault.Unauthorized},
		{"payload manifest refused", 400, isManifest("mine/release"), fault.Publish},
	}
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			p.registry.Fail(func(w http.ResponseWriter, r *http.Request) bool {
				if !test.at(r) {
					return false
				}
				code := "UNSUPPORTED"
				if test.want == fault.Unauthorized {
					code = "DENIED"
				}
				http.Error(w, `{"errors":[{"code":"`+code+`","message":"no"}]}`, test.status)
				return true
			})
			defer p.registry.Fail(nil)
			_, err := p.runTo(t, t.Context(), p.options(t), "component-images", target("one", directory))
			if fault.KindOf(err) != test.want {
				t.Fatalf("Run() = %v of class %d, want %d", err, fault.KindOf(err), test.want)
			}
			repository := "component-images"
			if strings.HasPrefix(test.description, "payload") {
				repository = "mine/release"
			}
			message := err.Error() + fault.AdviceOf(err)
			wants := []string{p.registry.Host, repository}
			if test.want == fault.Unauthorized {
				wants = append(wants, "auth")
			}
			for _, want := range wants {
				if !strings.Contains(message, want) {
					t.Errorf("the error does not name %q: %v (%s)", want, err, fault.AdviceOf(err))
				}
			}
			p.registry.Fail(nil)
			if answer, err := http.Get("http://" + p.registry.Host + "/v2/mine/release/manifests/new"); err != nil ||
				answer.StatusCode != http.StatusNotFound {
				t.Errorf("GET of the payload's tag = %v, %v, want 404: it was published", answer, err)
			}
		})
	}
}

func isUpload(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/component-images/blobs/uploads") && r.Method == http.MethodPost
}

func isManifest(repository string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, repository+"/manifests/")
	}
}

// With KeepGoing there is a payload of what could be built, and the error of what could not; what is built on that is
// left as well.
func TestKeepGoing(t *testing.T) {
	p := newPlayground(t)
	good := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	bad := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"fail\"]\n")})
	o := p.options(t)
	o.KeepGoing = true
	result, err := p.run(t, t.Context(), o, target("one", bad), target("two", good))
	if fault.KindOf(err) != fault.Build || result == nil {
		t.Fatalf("Run() = %+v, %v, want a payload and a failed build", result, err)
	}
	if len(result.Components) != 1 || result.Components[0].Name != "two" ||
		!slices.Equal(result.Left, []string{"one"}) {
		t.Errorf("the payload has %+v, and left %q", result.Components, result.Left)
	}
	if result, err := p.run(t, t.Context(), o, target("one", bad)); fault.KindOf(err) != fault.Build || result != nil {
		t.Errorf("nothing could be built: %+v, %v", result, err)
	}
}

// TestErrorsNameTheComponentOnce lets the base of a component be gone when it is pulled.
func TestErrorsNameTheComponentOnce(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY Dockerfile /\n")})
	layers, err := p.registry.Pull(t, p.base).Layers()
	check(t, err)
	layer, err := layers[0].Digest()
	check(t, err)
	p.registry.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		gone := strings.HasSuffix(r.URL.Path, "/blobs/"+layer.String())
		if gone {
			http.NotFound(w, r)
		}
		return gone
	})
	defer p.registry.Fail(nil)
	_, err = p.run(t, t.Context(), p.options(t), target("one", directory))
	if err == nil || strings.Count(err.Error(), `component "one"`) != 1 {
		t.Errorf("the error is %v", err)
	}
}

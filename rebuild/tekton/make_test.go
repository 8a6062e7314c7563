package tekton_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

// planOf makes a plan of components, each built on those that are named after it: "b: a" is b, on a.
func planOf(lines ...string) *plan.Plan {
	p := &plan.Plan{Release: plan.Release{Image: "example.com/release:1"}}
	for _, line := range lines {
		name, needs, _ := strings.Cut(line, ":")
		component := plan.Component{Name: name, Kind: "component"}
		if strings.HasPrefix(name, "image-") { // built first for others, and in no payload
			component.Kind = "pipeline"
		}
		for _, need := range strings.Fields(needs) {
			component.Bases = append(component.Bases, plan.Base{Built: need})
		}
		if component.Kind == "component" {
			p.Components = append(p.Components, component)
		} else {
			p.Images = append(p.Images, component)
		}
		p.Order = append(p.Order, []string{name})
	}
	return p
}

// lanes are one for each plan: for linux/amd64, linux/arm64, linux/s390x.
func lanes(plans ...*plan.Plan) []tekton.Lane {
	var all []tekton.Lane
	for i, planned := range plans {
		all = append(all, tekton.Lane{Plan: planned, PullSpec: "example.com/plans@sha256:" + strconv.Itoa(i),
			Platform: registry.Platform{OS: "linux", Architecture: []string{"amd64", "arm64", "s390x"}[i]}})
	}
	return all
}

func options() tekton.Options {
	return tekton.Options{Name: "rebuild-1", Namespace: "here", Image: "example.com/engine",
		TimeLimit: time.Hour,
		To:        plan.Request{To: "example.com/me/release:1"}, Flags: []string{"--insecure"},
		PublishFlags: []string{"--to-image", "example.com/me/release:1"}}
}

// tasks are those of a run, with what they come after.
func tasks(t *testing.T, run tekton.Run) map[string][]string {
	t.Helper()
	data, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Spec struct {
			PipelineSpec struct {
				Tasks []struct {
					Name     string
					RunAfter []string
				}
			}
		}
	}
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	after := map[string][]string{}
	for _, task := range read.Spec.PipelineSpec.Tasks {
		slices.Sort(task.RunAfter)
		after[task.Name] = task.RunAfter
	}
	return after
}

func TestOrder(t *testing.T) {
	for _, test := range []struct {
		description string
		lines       []string
		jobs        int
		want        string // task: what comes before
	}{
		{"one", []string{"a"}, 0, "map[a:[] assemble:[a]]"},
		{"one on another", []string{"a", "b: a", "c"}, 0, "map[a:[] assemble:[a b c] b:[a] c:[]]"},
		{"by way of an image that is in no payload", []string{"a", "image-x: a", "b: image-x"}, 0,
			"map[a:[] assemble:[a b] b:[a]]"},
		{"two at once", []string{"a", "b", "c", "d: c"}, 2, "map[a:[] assemble:[a b c d] b:[] c:[a] d:[b c]]"},
		{"one at a time", []string{"a", "b: a"}, 1, "map[a:[] assemble:[a b] b:[a]]"},
		{"the name of the last task", []string{"assemble"}, 0, "map[assemble:[] assemble-payload:[assemble]]"},
	} {
		t.Run(test.description, func(t *testing.T) {
			o := options()
			o.Jobs = test.jobs
			objects, err := tekton.Make(lanes(planOf(test.lines...)), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(tasks(t, objects.Run)); got != test.want {
				t.Errorf("tasks %s, want %s", got, test.want)
			}
		})
	}
}

// TestLanes has plans for two platforms: each is carried out on nodes of its own, and knows nothing of the other.
func TestLanes(t *testing.T) {
	o := options()
	o.Pod = map[string]any{"nodeSelector": map[string]any{"disk": "fast"}, "priorityClassName": "low"}
	o.Requests = map[string]map[string]string{"a": {"cpu": "4"}}
	objects, err := tekton.Make(lanes(planOf("a", "b: a"), planOf("a", "b: a")), o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(tasks(t, objects.Run)), "map[a-amd64:[] a-arm64:[] "+
		"assemble:[a-amd64 a-arm64 b-amd64 b-arm64] b-amd64:[a-amd64] b-arm64:[a-arm64]]"; got != want {
		t.Errorf("tasks %s, want %s", got, want)
	}
	data, err := json.Marshal(objects.Run)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"name":"plan","value":"example.com/plans@sha256:0"},{"name":"plan-arm64","value":"example.com/plans@sha256:1"}`,
		`{"name":"plan","value":"$(params.plan-arm64)"},{"name":"command","value":["component","b",` +
			`"a=$(tasks.a-arm64.results.image)","--platform","linux/arm64"`,
		`{"pipelineTaskName":"a-arm64","computeResources":{"requests":{"cpu":"4"}},` +
			`"podTemplate":{"nodeSelector":{"disk":"fast","kubernetes.io/arch":"arm64"},"priorityClassName":"low"}}`,
		`"podTemplate":{"nodeSelector":{"disk":"fast"},"priorityClassName":"low"}}`, // of the run: assemble runs anywhere
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the run lacks %s:\n%s", want, data)
		}
	}
	o.Cache = &tekton.Claim{Name: "caches"}
	if _, err := tekton.Make(lanes(planOf("a"), planOf("a")), o); fault.KindOf(err) != fault.Usage {
		t.Errorf("pods of two architectures on one claim: error %v", err)
	}
	o.Cache = nil
	o.Pod = map[string]any{"nodeSelector": map[string]any{"kubernetes.io/arch": "amd64"}} // with an emulator
	if objects, err = tekton.Make(lanes(planOf("a"), planOf("a"))[1:], o); err != nil {
		t.Fatal(err)
	}
	if data, err = json.Marshal(objects.Run); err != nil || strings.Contains(string(data), `arch":"arm64`) ||
		!strings.Contains(string(data), `"podTemplate":{"nodeSelector":{"kubernetes.io/arch":"amd64"}}`) {
		t.Errorf("the user's own choice of nodes is gone: %s, %v", data, err)
	}
}

// TestNames has components whose names are none for a task.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 80)
	objects, err := tekton.Make(lanes(planOf("Capital", "a.b", long, "9")), options())
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks(t, objects.Run)) != 5 {
		t.Fatalf("tasks %v", tasks(t, objects.Run))
	}
	for name := range tasks(t, objects.Run) {
		if len(name) > 63 || strings.ToLower(name) != name || strings.ContainsAny(name, "._") ||
			name[0] < 'a' || name[0] > 'z' {
			t.Errorf("task %q is not a DNS label", name)
		}
	}
}

// TestWholePayload keeps a run of as many components as a payload has below what etcd takes: the spec of a run is in
// its status once more.
func TestWholePayload(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("component-with-a-long-name-%d: component-with-a-long-name-0", i))
	}
	lines[0] = "component-with-a-long-name-0"
	objects, err := tekton.Make(lanes(planOf(lines...)), options())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(objects.Run)
	if err != nil {
		t.Fatal(err)
	}
	if 2*len(data) > 400<<10 {
		t.Errorf("a run of 200 components has %d bytes", len(data))
	}
}

// TestTaskIsTheSame gives a task a name by what is in it, and what pods are allowed.
func TestTaskIsTheSame(t *testing.T) {
	name := func(change func(*tekton.Options)) (string, string) {
		o := options()
		change(&o)
		objects, err := tekton.Make(lanes(planOf("a")), o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(objects.Tasks)
		if err != nil {
			t.Fatal(err)
		}
		return objects.Tasks[0].Metadata.Name, string(data)
	}
	usual, text := name(func(*tekton.Options) {})
	if same, _ := name(func(o *tekton.Options) { o.Name = "rebuild-2" }); same != usual {
		t.Errorf("two runs have tasks %s and %s", usual, same)
	}
	if other, _ := name(func(o *tekton.Options) { o.Image = "example.com/other" }); other == usual {
		t.Error("another program has the same task")
	}
	if other, with := name(func(o *tekton.Options) { o.Cache = &tekton.Claim{Name: "c"} }); other == usual ||
		!strings.Contains(with, "/workspace/cache") {
		t.Errorf("a workspace makes no other task: %s", with)
	}
	if other, with := name(func(o *tekton.Options) { o.Files = map[string]string{"ca.crt": "x"} }); other == usual ||
		!strings.Contains(with, "/workspace/files") {
		t.Errorf("files make no other task: %s", with)
	}
	if !strings.Contains(text,
		`"capabilities":{"add":["SETFCAP","SETUID","SETGID"],"drop":["ALL"]},"seccompProfile":{"type":"Unconfined"}`) {
		t.Errorf("the task is %s", text)
	}
}

// TestRequests takes what CI requests, and what the user says instead.
func TestRequests(t *testing.T) {
	p := planOf("a", "b")
	p.Components[0].Recipe.Requests = map[string]string{"cpu": "100m", "memory": "200Mi"}
	o := options()
	o.Requests = map[string]map[string]string{"a": {"memory": "8Gi"}}
	objects, err := tekton.Make(lanes(p), o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(objects.Run.Spec.TaskRunSpecs)
	if want := `[{"pipelineTaskName":"a","computeResources":{"requests":{"cpu":"100m","memory":"8Gi"}}}]`; err != nil ||
		string(data) != want {
		t.Errorf("pods request %s, want %s", data, want)
	}
	p.Components[1].Recipe.Requests = map[string]string{"cpu": "many"}
	if _, err := tekton.Make(lanes(p), o); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), `"b": its config requests cpu "many"`) {
		t.Errorf("a quantity that is none: %v", err)
	}
}

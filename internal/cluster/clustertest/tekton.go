package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Step runs the program of a pod with its arguments and returns its exit code. What it writes is the pod's log.
type Step func(ctx context.Context, args []string, log io.Writer) int

// controller does what Tekton's controller does with a Task of one step and PipelineRuns of it, in a process of its
// own.
type controller struct {
	run     Step
	scratch string // has a directory for each pod, which stands for its /scratch

	mu    sync.Mutex
	tasks map[string]map[string]any // by address
	files map[string]configMap      // by address
	runs  map[string]*pipelineRun   // by address
	ended sync.WaitGroup
}

// pipelineRun is a run with what became of it.
type pipelineRun struct {
	object   map[string]any
	spec     runSpec
	stop     context.CancelFunc
	taskRuns map[string]*taskRun // by the name of the task
}

type runSpec struct {
	Metadata struct{ Name string }
	Spec     struct {
		Status     string
		Params     []parameter
		Workspaces []struct {
			Name      string
			ConfigMap struct{ Name string }
		}
		PipelineSpec struct {
			Results []struct{ Name, Value string }
			Tasks   []pipelineTask
		}
	}
}

// configMap holds the files of a workspace.
type configMap struct{ Data map[string]string }

type pipelineTask struct {
	Name     string
	RunAfter []string
	Retries  int
	Params   []parameter
	TaskRef  struct{ Name string }
}

type parameter struct {
	Name  string
	Value any
}

// taskRun is one task of a run, and the logs of its pods.
type taskRun struct {
	state  map[string]any // the condition
	steps  []any
	tries  []any // those that failed before
	pod    string
	result string
	logs   map[string]*stamped // by pod
	done   chan struct{}

	ok, skipped bool
}

// AddTekton makes the server's runs run, until the function that it returns is called. scratch is a directory for pods.
func (s *Server) AddTekton(scratch string, run Step) (stop func()) {
	k := &controller{run: run, scratch: scratch, tasks: map[string]map[string]any{}, files: map[string]configMap{},
		runs: map[string]*pipelineRun{}}
	s.Handle(k.handle)
	return func() {
		k.mu.Lock()
		for _, run := range k.runs {
			run.stop()
		}
		k.mu.Unlock()
		k.ended.Wait()
	}
}

var address = regexp.MustCompile(`^/apis/tekton\.dev/v1(?:/namespaces/([^/]+)/(tasks|pipelineruns|taskruns)(?:/([^/]+))?)?$`)

// handle answers for Tekton's objects, and for pods and their logs.
func (k *controller) handle(w http.ResponseWriter, request *http.Request, body []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if strings.HasPrefix(request.URL.Path, "/api/v1/namespaces/") && strings.Contains(request.URL.Path, "/pods") {
		k.pods(w, request)
		return true
	}
	if namespace, ok := strings.CutSuffix(strings.TrimPrefix(request.URL.Path, "/api/v1/namespaces/"),
		"/configmaps"); ok {
		var object map[string]any
		var files configMap
		_, _ = json.Unmarshal(body, &object), json.Unmarshal(body, &files)
		k.files[path.Join(namespace, nameOf(object))] = files
		answer(w, object)
		return true
	}
	m := address.FindStringSubmatch(request.URL.Path)
	if m == nil {
		return false
	}
	switch name := path.Join(m[1], m[3]); {
	case m[2] == "":
		answer(w, map[string]any{"kind": "APIResourceList"})
	case m[2] == "tasks":
		var object map[string]any
		_ = json.Unmarshal(body, &object)
		name = path.Join(m[1], nameOf(object))
		if k.tasks[name] != nil {
			refuse(w, http.StatusConflict, name+" already exists")
			break
		}
		k.tasks[name] = object
		answer(w, object)
	case m[2] == "taskruns":
		answer(w, map[string]any{"items": k.taskRuns(run(request))})
	case request.Method == http.MethodPost:
		k.start(m[1], body)
		_, _ = w.Write(body)
	case m[3] == "":
		items := []any{}
		for _, run := range k.runs {
			items = append(items, run.object)
		}
		answer(w, map[string]any{"items": items})
	case k.runs[name] == nil:
		refuse(w, http.StatusNotFound, name+" not found")
	case request.Method == http.MethodPatch:
		var patch map[string]any
		_ = json.Unmarshal(body, &patch)
		one := k.runs[name]
		one.object = merged(one.object, patch)
		one.stop()
		answer(w, one.object)
	default:
		answer(w, k.runs[name].object)
	}
	return true
}

func nameOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	return fmt.Sprint(metadata["name"])
}

// run is the run whose parts a request asks for.
func run(request *http.Request) string {
	_, name, _ := strings.Cut(request.URL.Query().Get("labelSelector"), "tekton.dev/pipelineRun=")
	return name
}

func (k *controller) named(name string) *pipelineRun {
	for _, one := range k.runs {
		if one.spec.Metadata.Name == name {
			return one
		}
	}
	return &pipelineRun{}
}

func (k *controller) taskRuns(run string) []any {
	items := []any{}
	for task, one := range k.named(run).taskRuns {
		if one.skipped { // there is none
			continue
		}
		status := map[string]any{"conditions": []any{one.state}, "podName": one.pod, "steps": one.steps,
			"retriesStatus": one.tries}
		if one.result != "" {
			status["results"] = []any{map[string]any{"name": "image", "value": one.result}}
		}
		items = append(items, map[string]any{"metadata": map[string]any{"name": run + "-" + task,
			"labels": map[string]any{"tekton.dev/pipelineTask": task}}, "status": status})
	}
	return items
}

// pods answers with the pods of a run that are not over, or with the log of one.
func (k *controller) pods(w http.ResponseWriter, request *http.Request) {
	if !strings.HasSuffix(request.URL.Path, "/log") {
		items := []any{}
		for _, one := range k.named(run(request)).taskRuns {
			select {
			case <-one.done:
			default:
				items = append(items, map[string]any{"status": map[string]any{"phase": "Running"}})
			}
		}
		answer(w, map[string]any{"items": items})
		return
	}
	pod := path.Base(path.Dir(request.URL.Path))
	for _, run := range k.runs {
		for _, one := range run.taskRuns {
			if log := one.logs[pod]; log != nil {
				_, _ = w.Write(log.text())
				return
			}
		}
	}
	refuse(w, http.StatusNotFound, pod+" not found")
}

// start begins a run.
func (k *controller) start(namespace string, body []byte) {
	ctx, stop := context.WithCancel(context.Background())
	one := &pipelineRun{stop: stop, taskRuns: map[string]*taskRun{}}
	_ = json.Unmarshal(body, &one.object)
	_ = json.Unmarshal(body, &one.spec)
	metadata, _ := one.object["metadata"].(map[string]any)
	metadata["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	for _, task := range one.spec.Spec.PipelineSpec.Tasks {
		one.taskRuns[task.Name] = &taskRun{logs: map[string]*stamped{}, done: make(chan struct{}),
			state: condition("Unknown", "Pending", "")}
	}
	k.runs[path.Join(namespace, one.spec.Metadata.Name)] = one
	k.ended.Go(func() {
		defer stop()
		var all sync.WaitGroup
		for _, task := range one.spec.Spec.PipelineSpec.Tasks {
			all.Go(func() { k.task(ctx, namespace, one, task) })
		}
		all.Wait()
		k.finish(ctx, one)
	})
}

func condition(status, reason, message string) map[string]any {
	return map[string]any{"type": "Succeeded", "status": status, "reason": reason, "message": message}
}

// task runs a task after those that come before.
func (k *controller) task(ctx context.Context, namespace string, one *pipelineRun, task pipelineTask) {
	mine := one.taskRuns[task.Name]
	defer close(mine.done)
	for _, before := range task.RunAfter {
		<-one.taskRuns[before].done
		if !one.taskRuns[before].ok {
			k.mu.Lock()
			mine.skipped = true
			k.mu.Unlock()
			return
		}
	}
	for attempt := range task.Retries + 1 {
		log := &stamped{}
		k.mu.Lock()
		if attempt > 0 {
			mine.tries = append(mine.tries, map[string]any{"podName": mine.pod, "conditions": []any{
				condition("False", "Failed", `"step-rebuild" exited with an error`)}})
		}
		mine.pod = fmt.Sprintf("%s-%s-pod%d", one.spec.Metadata.Name, task.Name, attempt)
		mine.logs[mine.pod] = log
		mine.state, mine.steps = condition("Unknown", "Running", ""),
			[]any{map[string]any{"container": "step-rebuild", "running": map[string]any{}}}
		file := filepath.Join(k.scratch, mine.pod+"-result")
		args := k.arguments(namespace, one, task, file)
		for i := range args {
			args[i] = strings.Replace(args[i], "/scratch", filepath.Join(k.scratch, mine.pod), 1)
			args[i] = strings.Replace(args[i], "/workspace", filepath.Join(k.scratch, mine.pod, "workspace"), 1)
		}
		k.writeFiles(namespace, one, filepath.Join(k.scratch, mine.pod, "workspace"))
		k.mu.Unlock()
		code := k.run(ctx, args, log)
		result, _ := os.ReadFile(file)
		k.mu.Lock()
		mine.result, mine.ok = string(result), code == 0 || k.steps(namespace, task)[0].OnError == "continue"
		mine.steps = []any{map[string]any{"container": "step-rebuild", "terminated": map[string]any{"exitCode": code}}}
		k.mu.Unlock()
		if mine.ok || ctx.Err() != nil {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		mine.ok = false
		mine.state = condition("False", "TaskRunCancelled", "TaskRun was cancelled")
	case mine.ok:
		mine.state = condition("True", "Succeeded", "All Steps have completed executing")
	default:
		mine.state = condition("False", "Failed", `"step-rebuild" exited with an error`)
	}
}

var reference = regexp.MustCompile(`\$\((params|tasks|results)\.([^)]*)\)`)

// writeFiles writes what the workspaces of a run have.
func (k *controller) writeFiles(namespace string, one *pipelineRun, directory string) {
	for _, workspace := range one.spec.Spec.Workspaces {
		_ = os.MkdirAll(filepath.Join(directory, workspace.Name), 0o755)
		for name, text := range k.files[path.Join(namespace, workspace.ConfigMap.Name)].Data {
			_ = os.WriteFile(filepath.Join(directory, workspace.Name, name), []byte(text), 0o644)
		}
	}
}

// step is a step of a task.
type step struct {
	Args    []string
	OnError string
}

// steps returns those of the task that a pipeline's task is.
func (k *controller) steps(namespace string, task pipelineTask) []step {
	data, _ := json.Marshal(k.tasks[path.Join(namespace, task.TaskRef.Name)])
	var one struct{ Spec struct{ Steps []step } }
	_ = json.Unmarshal(data, &one)
	return one.Spec.Steps
}

// arguments returns those of a task's step, with everything put in that they refer to.
func (k *controller) arguments(namespace string, one *pipelineRun, task pipelineTask, file string) []string {
	inRun, inTask := map[string]any{}, map[string]any{}
	for _, p := range one.spec.Spec.Params {
		inRun[p.Name] = p.Value
	}
	for _, p := range task.Params {
		inTask[p.Name] = k.put(p.Value, inRun, one, file)
	}
	var args []string
	for _, step := range k.steps(namespace, task) {
		for _, arg := range step.Args {
			args = append(args, listed(k.put([]any{arg}, inTask, one, file))...)
		}
	}
	return args
}

// put replaces references in a value.
func (k *controller) put(value any, params map[string]any, one *pipelineRun, file string) any {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var out []string
	for _, element := range list {
		text := fmt.Sprint(element)
		if name, ok := strings.CutSuffix(strings.TrimPrefix(text, "$(params."), "[*])"); ok {
			out = append(out, listed(params[name])...)
			continue
		}
		out = append(out, reference.ReplaceAllStringFunc(text, func(found string) string {
			m := reference.FindStringSubmatch(found)
			switch m[1] {
			case "params":
				return fmt.Sprint(params[m[2]])
			case "results":
				return file
			}
			task, _, _ := strings.Cut(m[2], ".")
			return one.taskRuns[task].result
		}))
	}
	if !isList {
		return out[0]
	}
	return out
}

func listed(value any) []string {
	switch list := value.(type) {
	case []string:
		return list
	case []any:
		var out []string
		for _, element := range list {
			out = append(out, fmt.Sprint(element))
		}
		return out
	}
	return nil
}

// finish writes how a run ended.
func (k *controller) finish(ctx context.Context, one *pipelineRun) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now().UTC().Format(time.RFC3339)
	status := map[string]any{"conditions": []any{condition("True", "Succeeded", "")}, "startTime": now,
		"completionTime": now}
	var skipped []any
	failed := false
	for _, task := range one.spec.Spec.PipelineSpec.Tasks {
		if ran := one.taskRuns[task.Name]; ran.skipped {
			skipped = append(skipped, map[string]any{"name": task.Name})
		} else {
			failed = failed || !ran.ok
		}
	}
	switch {
	case ctx.Err() != nil:
		status["conditions"] = []any{condition("False", "Cancelled", "")}
	case failed:
		status["conditions"], status["skippedTasks"] = []any{condition("False", "Failed", "")}, skipped
	case len(one.taskRuns) > 0:
		last := slices.MaxFunc(one.spec.Spec.PipelineSpec.Tasks,
			func(a, b pipelineTask) int { return len(a.RunAfter) - len(b.RunAfter) })
		status["results"] = []any{map[string]any{"name": one.spec.Spec.PipelineSpec.Results[0].Name,
			"value": one.taskRuns[last.Name].result}}
	}
	one.object = merged(one.object, map[string]any{"status": status})
}

// stamped is a log with the time of each line.
type stamped struct {
	mu  sync.Mutex
	all bytes.Buffer
	mid bool // in a line
}

// Write implements io.Writer.
func (s *stamped) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(data) {
		if !s.mid {
			fmt.Fprintf(&s.all, "%s ", time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z"))
		}
		s.all.Write(line)
		s.mid = !bytes.HasSuffix(line, []byte("\n"))
	}
	return len(data), nil
}

func (s *stamped) text() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.all.Bytes())
}

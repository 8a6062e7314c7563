package tekton

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Outcome is what a run made.
type Outcome struct {
	Payload    string // pull spec by digest
	Components []Made
	Left       []string // components that could not be built, for one platform at least, and stay as they were
	Seconds    float64
}

// Made is the image of a component.
type Made struct {
	Name     string
	Image    string // pull spec by digest
	Platform string // where the run is for several
	Seconds  float64
}

// Reader makes an event of a line of a pod's log. ok is false for a line that is none.
type Reader func(line string) (event progress.Event, ok bool)

// Follow tells a listener what a run does until it has ended. The error has the class of what went wrong in its pods;
// it comes together with the outcome of a run that kept going.
func (c *Cluster) Follow(ctx context.Context, name string, read Reader, listener progress.Listener) (*Outcome, error) {
	ctx, stop := context.WithCancel(ctx) // the reading of logs ends with it
	f := &follower{Cluster: c, name: name, read: read, listener: listener, parts: map[string]*part{}}
	defer f.readers.Wait()
	defer stop()
	for {
		var run runState
		if err := c.API.Get(ctx, c.path("pipelineruns/"+url.PathEscape(name)), &run); err != nil {
			return nil, fmt.Errorf("following run %q: %w", name, err)
		}
		var tasks struct {
			Items []taskRunState `json:"items"`
		}
		if err := c.API.Get(ctx, c.path("taskruns?"+selector(name)), &tasks); err != nil {
			return nil, fmt.Errorf("following run %q: %w", name, err)
		}
		f.names, f.platforms = map[string]string{}, map[string]string{} // those of others' runs do not matter
		_ = json.Unmarshal([]byte(run.Metadata.Annotations[annotationNames]), &f.names)
		_ = json.Unmarshal([]byte(run.Metadata.Annotations[annotationPlatforms]), &f.platforms)
		for _, task := range tasks.Items {
			f.see(ctx, task)
		}
		if state := succeeded(run.Status.Conditions); state.Status != "Unknown" {
			for _, one := range f.parts {
				if one.log != nil {
					one.log.hasEnded()
				}
			}
			f.finish(stop)
			return f.outcome(run, state, tasks.Items)
		}
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// finish waits for what is read of logs, and gives up those that stay silent.
func (f *follower) finish(stop func()) {
	timer := time.AfterFunc(cmp.Or(f.LastWords, 30*time.Second), stop)
	defer timer.Stop()
	f.readers.Wait()
}

// follower is what is known of a run that is followed.
type follower struct {
	*Cluster
	name     string
	read     Reader
	listener progress.Listener
	names    map[string]string // components by task, where they have another name
	// platforms by what the names of their tasks end in, where there are several
	platforms map[string]string

	warned  sync.Map // messages of warnings: pods of one image warn of the same
	readers sync.WaitGroup
	parts   map[string]*part // by the name of the task run
}

// part is what is known of a task run.
type part struct {
	said  string   // what it waits for
	tries int      // those that failed and were told of
	log   *reading // of its last pod; nil before there is one
}

// component returns which component a task run builds; "" is the payload.
func (f *follower) component(task taskRunState) string {
	return f.builtBy(task.name())
}

// label is what a task builds, as progress names it.
func (f *follower) label(task taskRunState) string {
	return progress.Label(f.component(task), f.platform(task))
}

// builtBy returns which component a task of the pipeline builds; "" is the payload.
func (f *follower) builtBy(task string) string {
	if component, ok := f.names[task]; ok {
		return component
	}
	suffix, _ := f.lane(task)
	return strings.TrimSuffix(task, suffix)
}

// lane returns how names of tasks of the same lane end, and its platform; neither where there is one lane.
func (f *follower) lane(task string) (suffix, platform string) {
	for suffix, platform := range f.platforms {
		if strings.HasSuffix(task, suffix) {
			return suffix, platform
		}
	}
	return "", ""
}

// platform is that of a task's lane.
func (f *follower) platform(task taskRunState) string {
	_, platform := f.lane(task.name())
	return platform
}

// see tells what is new of a task run, and begins to read the log of its pod.
func (f *follower) see(ctx context.Context, task taskRunState) {
	one := f.parts[task.Metadata.Name]
	if one == nil {
		one = &part{}
		f.parts[task.Metadata.Name] = one
	}
	state := succeeded(task.Status.Conditions)
	component := f.label(task)
	for ; one.tries < len(task.Status.RetriesStatus); one.tries++ {
		f.failed(ctx, task, one, task.Status.RetriesStatus[one.tries])
	}
	running, ended := false, state.Status != "Unknown"
	for _, step := range task.Status.Steps {
		running = running || step.Running != nil
		ended = ended || step.Terminated != nil
	}
	pod := task.Status.PodName
	if !running && !ended {
		text := "its pod"
		if state.Reason != "Pending" && state.Reason != "Started" && state.Reason != "Running" ||
			strings.Contains(state.Message, "pod status") {
			text += ": " + state.Message
		}
		if text != one.said {
			one.said = text
			f.listener.Report(progress.Event{Component: component, Stage: stageOf(component), State: progress.Waiting,
				Message: "for " + text})
		}
		return
	}
	if pod == "" {
		return
	}
	if one.log == nil || one.log.pod != pod {
		if one.log != nil {
			one.log.hasEnded()
		}
		one.log = f.open(ctx, task, pod)
	}
	if ended {
		one.log.hasEnded()
	}
}

// open begins to read the log of a pod.
func (f *follower) open(ctx context.Context, task taskRunState, pod string) *reading {
	log := &reading{component: f.component(task), platform: f.platform(task), pod: pod, ended: make(chan struct{}), read: make(chan struct{})}
	f.readers.Go(func() {
		defer close(log.read)
		f.follow(ctx, log)
	})
	return log
}

// failed tells of a try that failed, once the log of its pod has been read; the pod may have come and gone unseen.
func (f *follower) failed(ctx context.Context, task taskRunState, one *part, try try) {
	component := f.label(task)
	report := func(why string) {
		text := "failed, and is tried again"
		if why, _, _ = strings.Cut(why, "\n"); why != "" {
			text += ": " + why
		}
		f.listener.Report(progress.Event{Component: component, Stage: stageOf(component), State: progress.Warned,
			Message: text})
	}
	if try.PodName == "" { // none could be made
		report(succeeded(try.Conditions).Message)
		return
	}
	if one.log == nil || one.log.pod != try.PodName {
		one.log = f.open(ctx, task, try.PodName)
	}
	log := one.log
	log.hasEnded()
	f.readers.Go(func() {
		<-log.read
		report(cmp.Or(log.failure(), succeeded(try.Conditions).Message))
	})
}

func stageOf(component string) progress.Stage {
	if component == "" {
		return progress.Assemble
	}
	return progress.Build
}

// outcome says how a run ended.
func (f *follower) outcome(run runState, state condition, tasks []taskRunState) (*Outcome, error) {
	if state.Status == "True" {
		made := &Outcome{Payload: valueOf(run.Status.Results, "payload"),
			Seconds: seconds(run.Status.StartTime, run.Status.CompletionTime)}
		var failures []error
		for _, task := range tasks {
			component := f.component(task)
			switch image := valueOf(task.Status.Results, image); {
			case component == "":
			case image == plan.Left:
				made.Left = append(made.Left, component)
				failures = append(failures, f.failure(task, succeeded(task.Status.Conditions)))
			default:
				made.Components = append(made.Components, Made{component, image, f.platform(task),
					seconds(task.Status.StartTime, task.Status.CompletionTime)})
			}
		}
		slices.SortFunc(made.Components, func(a, b Made) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Platform, b.Platform))
		})
		if made.Payload == "" {
			return nil, fault.Errorf(fault.Publish, "run %q ended, and has no payload as its result", f.name)
		}
		slices.Sort(made.Left)
		made.Left = slices.Compact(made.Left)
		made.Components = slices.DeleteFunc(made.Components,
			func(one Made) bool { return slices.Contains(made.Left, one.Name) })
		err := fault.Join(failures...)
		if err != nil {
			err = fault.New(fault.Build, fault.AdviceOf(err), err)
		}
		return made, err
	}
	if strings.HasPrefix(state.Reason, "Cancelled") || run.Spec.Status == "Cancelled" {
		return nil, fault.New(fault.Interrupted, "", fmt.Errorf("run %q was cancelled", f.name))
	}
	var failures []error
	slices.SortFunc(tasks, func(a, b taskRunState) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	isPayload := func(task taskRunState) bool { return f.component(task) == "" }
	if at := slices.IndexFunc(tasks, isPayload); at >= 0 { // it comes last
		tasks = append(slices.Delete(slices.Clone(tasks), at, at+1), tasks[at])
	}
	for _, task := range tasks {
		if state := succeeded(task.Status.Conditions); state.Status == "False" ||
			valueOf(task.Status.Results, image) == plan.Left {
			failures = append(failures, f.failure(task, state))
		}
	}
	var skipped []string
	for _, task := range run.Status.SkippedTasks {
		if component := f.builtBy(task.Name); component != "" {
			skipped = append(skipped, component)
		}
	}
	if len(skipped) > 0 {
		slices.Sort(skipped)
		f.listener.Report(progress.Event{Stage: progress.Build, State: progress.Warned,
			Message: "not begun: " + strings.Join(skipped, ", ")})
	}
	if len(failures) == 0 {
		failures = append(failures, fault.Errorf(fault.Other, "run %q ended with %s: %s", f.name,
			state.Reason, state.Message))
	}
	return nil, fault.Join(failures...)
}

// failure says why a task run failed: what the program said in its pod, or what Tekton says where it said nothing.
func (f *follower) failure(task taskRunState, state condition) error {
	kind := fault.Other
	for _, step := range task.Status.Steps {
		if step.Terminated != nil && step.Terminated.ExitCode > 0 && step.Terminated.ExitCode <= int(fault.Publish) {
			kind = fault.Kind(step.Terminated.ExitCode)
		}
	}
	what := "the payload"
	if component := f.label(task); component != "" {
		what = fmt.Sprintf("component %q", component)
	}
	if one := f.parts[task.Metadata.Name]; one != nil && one.log != nil {
		if text := one.log.failure(); text != "" {
			return fault.New(kind, fmt.Sprintf("`kubectl logs -n %s %s` shows the whole output.", f.API.Namespace,
				one.log.pod), errors.New(text))
		}
	}
	advice := ""
	switch state.Reason {
	case "TaskRunTimeout":
		kind, advice = fault.Build, "--time-limit gives it more."
	case "TaskRunImagePullFailed":
		kind, advice = fault.Unresolved, "Nodes must be able to pull the image of --engine-image."
	}
	return fault.New(kind, advice, fmt.Errorf("%s: %s: %s", what, state.Reason, state.Message))
}

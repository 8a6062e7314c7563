package tekton

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage/pkg/regexp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const (
	annotationTo   = "oc-rebuild.io/to-image"     // of a run: the pull spec that the payload is pushed to
	annotationFrom = "oc-rebuild.io/from-release" // of a run: the payload that it starts from
	// annotationNames of a run has the components whose tasks have other names, and "" for the task that makes the
	// payload: a JSON object, by task.
	annotationNames = "oc-rebuild.io/components"
	// annotationPlatforms of a run for several platforms has them by what the names of their tasks end in: a JSON object.
	// Tekton copies annotations to each task run, so they must be short.
	annotationPlatforms = "oc-rebuild.io/platforms"

	// managedBy tells the objects of this program from others
	// (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
	managedBy = "app.kubernetes.io/managed-by"
	manager   = "oc-rebuild"

	scratch  = "/scratch" // an emptyDir: overlay mounts cannot lie on the overlay that a container's own files are
	caches   = "/workspace/cache"
	stepName = "rebuild"
	image    = "image" // the result of each task
	cache    = "cache" // the workspaces
	files    = "files"

	// FilesDirectory is where pods have Options.Files.
	FilesDirectory = "/workspace/files"

	// retries is how often a part is begun again that failed: a node may go away under it. What was built is not built
	// again.
	retries = 1
)

// Options say how a plan runs on a cluster.
type Options struct {
	Name           string // of the run
	Namespace      string
	Image          string // pull spec of an image with this program
	ServiceAccount string // "" = the one that Tekton takes
	To             plan.Request
	Flags          []string // of the program, for each component, besides --platform
	PublishFlags   []string // of the program, for the payload
	Cache          *Claim   // where caches outlive a pod; nil = nowhere
	// Requests are what pods of components request of a node in place of what the plan says, by component and
	// resource, such as cpu: 4.
	Requests  map[string]map[string]string
	Pod       map[string]any // a pod template as Tekton takes it: tolerations, node selector
	Jobs      int            // components at once; 0 = as many as the cluster takes
	KeepGoing bool           // the payload has what can be built
	// Files are what pods have in FilesDirectory, by name: text that is no secret. Everybody who may look into the
	// namespace sees it.
	Files     map[string]string
	TimeLimit time.Duration // of each component
}

// Lane is a plan for nodes of one platform.
type Lane struct {
	Plan     *plan.Plan
	PullSpec string // of the plan, by digest
	Platform registry.Platform
}

// suffix tells the objects of a lane from those of others.
func (l *Lane) suffix() string {
	return "-" + l.Platform.Architecture + strings.ReplaceAll(l.Platform.Variant, "_", "-")
}

// Claim is a persistent volume claim, or a directory of it.
type Claim struct{ Name, SubPath string }

// Objects carry out a plan on a cluster.
type Objects struct {
	Files *ConfigMap // nil = pods have no files
	Tasks []Task
	Run   Run
}

// All returns the objects in the order in which they are created.
func (o Objects) All() []any {
	var all []any
	if o.Files != nil {
		all = append(all, *o.Files)
	}
	for _, task := range o.Tasks {
		all = append(all, task)
	}
	return append(all, o.Run)
}

// Make writes the objects that carry out the plans of one payload, each for another platform. An error has the class
// fault.Usage, or fault.Unresolved where a config requests what is no quantity.
func Make(lanes []Lane, o Options) (Objects, error) {
	if o.Cache != nil && len(lanes) > 1 {
		return Objects{}, fault.New(fault.Usage, "Leave it out, or name one platform.",
			errors.New("--workspace: Tekton runs all pods that share a claim on one node, and nodes have one architecture"))
	}
	whole := makeTask(o, false)
	task, tasks := whole, []Task{whole}
	if o.KeepGoing {
		task = makeTask(o, true)
		tasks = append(tasks, task)
	}
	first := lanes[0].Plan
	order := replacing(first)
	for _, name := range slices.Sorted(maps.Keys(o.Requests)) {
		if !slices.ContainsFunc(order, func(c plan.Component) bool { return c.Name == name }) {
			return Objects{}, fault.Errorf(fault.Usage, "--resources: the plan builds no component %q", name)
		}
	}
	names, platforms := map[string]string{}, map[string]string{}
	var parts []pipelineTask
	add := func(task Task, name, planParam string, after []string, command []string) {
		one := pipelineTask{Name: name, TaskRef: taskRef{"Task", task.Metadata.Name}, RunAfter: after, Retries: retries,
			Timeout: o.TimeLimit.String(),
			Params:  []param{{"plan", "$(params." + planParam + ")"}, {"command", command}}}
		if o.Cache != nil {
			one.Workspaces = append(one.Workspaces, workspaceMapping{cache, cache})
		}
		if len(o.Files) > 0 {
			one.Workspaces = append(one.Workspaces, workspaceMapping{files, files})
		}
		parts = append(parts, one)
	}
	var specs []taskRunSpec
	plans, planSpecs := []param{}, []paramSpec{}
	made := map[string][]string{} // tasks by component
	for l, lane := range lanes {
		suffix, planParam := "", "plan"
		if len(lanes) > 1 {
			suffix = lane.suffix()
			platforms[suffix] = lane.Platform.String()
		}
		if l > 0 {
			planParam += suffix
		}
		plans = append(plans, param{planParam, lane.PullSpec})
		planSpecs = append(planSpecs, paramSpec{planParam, "string", "pull spec of the plan for " + lane.Platform.String()})
		taskOf := map[string]string{}
		for _, component := range replacing(lane.Plan) {
			name := taskName(component.Name, suffix)
			taskOf[component.Name] = name
			made[component.Name] = append(made[component.Name], name)
			if name != component.Name+suffix {
				names[name] = component.Name
			}
			command := []string{"component", component.Name}
			var after []string
			needs, _ := lane.Plan.Needs(component.Name)
			for _, need := range slices.Sorted(slices.Values(needs)) {
				command = append(command, given(need, taskOf[need]))
				after = append(after, taskOf[need])
			}
			if o.Jobs > 0 && len(parts) >= o.Jobs {
				if before := parts[len(parts)-o.Jobs].Name; !slices.Contains(after, before) {
					after = append(after, before)
				}
			}
			if o.KeepGoing {
				command = append(command, "--keep-going")
			}
			add(task, name, planParam, after, append(command, "--platform", lane.Platform.String(),
				"--to-repository", "$(params.repository)", "$(params.flags[*])"))
			requests, err := requests(component, o.Requests[component.Name])
			if err != nil {
				return Objects{}, err
			}
			spec := taskRunSpec{PipelineTaskName: name}
			if len(requests) > 0 {
				spec.ComputeResources = &computeResources{requests}
			}
			if suffix != "" {
				spec.PodTemplate = onNodesOf(lane.Platform, o.Pod)
			}
			if spec.ComputeResources != nil || spec.PodTemplate != nil {
				specs = append(specs, spec)
			}
		}
	}
	last := taskName("assemble", "")
	for slices.ContainsFunc(parts, func(t pipelineTask) bool { return t.Name == last }) {
		last += "-payload"
	}
	names[last] = ""
	command := []string{"assemble"}
	var after []string
	for _, component := range order {
		for _, task := range made[component.Name] {
			command, after = append(command, given(component.Name, task)), append(after, task)
		}
	}
	add(whole, last, "plan", after, append(append(command, "--platform", platformList(lanes)), o.PublishFlags...))

	pod := o.Pod
	if len(lanes) == 1 {
		pod = onNodesOf(lanes[0].Platform, o.Pod)
	}
	run := Run{APIVersion: apiVersion, Kind: "PipelineRun", Metadata: metadata(o.Name, o.Namespace), Spec: runSpec{
		Params:          append(plans, param{"repository", o.To.Repository()}, param{"flags", o.Flags}),
		Timeouts:        timeouts{"0s"}, // each task has its own
		TaskRunTemplate: taskRunTemplate{o.ServiceAccount, pod},
		TaskRunSpecs:    specs,
		PipelineSpec: pipelineSpec{
			Params: append(planSpecs, paramSpec{"repository", "string", "where images go"},
				paramSpec{"flags", "array", "how images are built"}),
			Results: []resultSpec{{Name: "payload", Type: "string",
				Description: "pull spec of the new payload by digest", Value: resultOf(last)}},
			Tasks: parts,
		},
	}}
	text, err := json.Marshal(names)
	if err != nil {
		return Objects{}, fmt.Errorf("writing the run: %w", err)
	}
	run.Metadata.Annotations = map[string]string{annotationFrom: first.Release.Image, annotationTo: o.To.To,
		annotationNames: string(text)}
	if len(platforms) > 0 {
		if text, err = json.Marshal(platforms); err != nil {
			return Objects{}, fmt.Errorf("writing the run: %w", err)
		}
		run.Metadata.Annotations[annotationPlatforms] = string(text)
	}
	bind := func(binding workspaceBinding) {
		run.Spec.PipelineSpec.Workspaces = append(run.Spec.PipelineSpec.Workspaces, workspaceSpec{Name: binding.Name})
		run.Spec.Workspaces = append(run.Spec.Workspaces, binding)
	}
	if o.Cache != nil {
		bind(workspaceBinding{Name: cache, SubPath: o.Cache.SubPath, Claim: &claim{o.Cache.Name}})
	}
	objects := Objects{Tasks: tasks}
	if len(o.Files) > 0 {
		objects.Files = makeFiles(o)
		bind(workspaceBinding{Name: files, ConfigMap: &configMapName{objects.Files.Metadata.Name}})
	}
	objects.Run = run
	return objects, nil
}

// replacing lists the components that a plan builds for the payload, in its order.
func replacing(planned *plan.Plan) []plan.Component {
	return slices.DeleteFunc(planned.InOrder(), func(c plan.Component) bool { return !c.Replaces() })
}

// platformList is what --platform says of lanes.
func platformList(lanes []Lane) string {
	var all []string
	for _, lane := range lanes {
		all = append(all, lane.Platform.String())
	}
	return strings.Join(all, ",")
}

// onNodesOf adds to a pod template that its pods run on nodes of a platform, unless it says on which they do
// (https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch).
func onNodesOf(platform registry.Platform, pod map[string]any) map[string]any {
	if affinity, ok := pod["affinity"].(map[string]any); ok && affinity["nodeAffinity"] != nil {
		return pod
	}
	selector := map[string]any{"kubernetes.io/arch": platform.Architecture}
	if given, ok := pod["nodeSelector"].(map[string]any); ok {
		maps.Copy(selector, given)
	}
	pod = maps.Clone(pod)
	if pod == nil {
		pod = map[string]any{}
	}
	pod["nodeSelector"] = selector
	return pod
}

func metadata(name, namespace string) Metadata {
	return Metadata{Name: name, Namespace: namespace, Labels: map[string]string{managedBy: manager}}
}

// requests returns what the pod of a component requests of a node: what CI's does, and what the user says instead.
func requests(component plan.Component, instead map[string]string) (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, component.Recipe.Requests)
	maps.Copy(all, instead)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, err := resource.ParseQuantity(all[name]); err != nil {
			return nil, fault.New(fault.Unresolved, fmt.Sprintf("--resources %s=%s=QUANTITY says it instead.",
				component.Name, name),
				fmt.Errorf("component %q: its config requests %s %q: %w", component.Name, name, all[name], err))
		}
	}
	return all, nil
}

// resultOf is how a task's result is written in another one.
func resultOf(task string) string { return fmt.Sprintf("$(tasks.%s.results.%s)", task, image) }

// given is the argument that passes the image of a component to what is built on it.
func given(component, task string) string { return component + "=" + resultOf(task) }

// named returns what an object is called that says by its name what is in it: one that is there already is the same.
func named(content any) string {
	text, _ := json.Marshal(content) // strings and numbers
	return "oc-rebuild-" + digest.FromBytes(text).Encoded()[:10]
}

// makeFiles writes the object with the files of pods.
func makeFiles(o Options) *ConfigMap {
	return &ConfigMap{APIVersion: "v1", Kind: "ConfigMap", Metadata: metadata(named(o.Files), o.Namespace),
		Data: o.Files, Immutable: true}
}

// makeTask writes the task. Where its step fails, and it keeps going, Tekton takes it as done, so that others have its
// result.
func makeTask(o Options, keepGoing bool) Task {
	directory := scratch + "/cache"
	spec := taskSpec{
		Description: "Build one component of a plan of oc rebuild, or assemble its payload.",
		Params: []paramSpec{{"plan", "string", "pull spec of the plan, by digest"},
			{"command", "array", "what to do with it"}},
		Results: []resultSpec{{Name: image, Type: "string", Description: "pull spec of what was made, by digest"}},
		Volumes: []volume{{Name: "scratch"}},
	}
	if o.Cache != nil {
		// others may write to the top of many a volume, and caches are the user's alone
		directory = caches + "/oc-rebuild"
		spec.Workspaces = append(spec.Workspaces,
			workspaceSpec{Name: cache, Description: "what outlives a pod", MountPath: caches})
	}
	if len(o.Files) > 0 {
		spec.Workspaces = append(spec.Workspaces,
			workspaceSpec{Name: files, Description: "how registries are reached", MountPath: FilesDirectory})
	}
	spec.Steps = []step{{
		Name: stepName, Image: o.Image, Command: []string{"oc-rebuild"},
		Args: []string{"$(params.command[*])", "--plan", "$(params.plan)", "--result-file", "$(results.image.path)",
			"--cache-dir", directory, "--progress", "plain", "--verbose"},
		Env: []param{{"TMPDIR", scratch}, {"XDG_DATA_HOME", scratch}},
		SecurityContext: securityContext{Capabilities: capabilities{Add: []string{"SETFCAP", "SETUID", "SETGID"},
			Drop: []string{"ALL"}},
			SeccompProfile: seccompProfile{"Unconfined"}},
		VolumeMounts: []mount{{"scratch", scratch}},
	}}
	if keepGoing {
		spec.Steps[0].OnError = "continue"
	}
	return Task{apiVersion, "Task", metadata(named(spec), o.Namespace), spec}
}

var label = regexp.Delayed(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// taskName returns a name that Tekton takes for a task of a pipeline: a DNS label (RFC 1123). It ends in suffix.
func taskName(component, suffix string) string {
	if label.MatchString(component + suffix) {
		return component + suffix
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(component))
	return "c-" + strings.Trim(name[:min(len(name), 40)], "-") + "-" + digest.FromString(component).Encoded()[:8] + suffix
}

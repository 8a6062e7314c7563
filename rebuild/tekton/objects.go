package tekton

// The fields of Tekton's API (tekton.dev/v1, https://tekton.dev/docs/pipelines/pipeline-api/) and of Kubernetes' that
// are written or read here.

const apiVersion = "tekton.dev/v1"

// Metadata is what objects have in common.
type Metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Created     string            `json:"creationTimestamp,omitempty"`
}

// Task is what every part of a plan runs: the program, in a pod that may make a user namespace.
type Task struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       taskSpec `json:"spec"`
}

type taskSpec struct {
	Description string          `json:"description"`
	Params      []paramSpec     `json:"params"`
	Workspaces  []workspaceSpec `json:"workspaces,omitempty"`
	Results     []resultSpec    `json:"results"`
	Steps       []step          `json:"steps"`
	Volumes     []volume        `json:"volumes"`
}

type paramSpec struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

type workspaceSpec struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	MountPath   string `json:"mountPath,omitempty"`
}

type resultSpec struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Value       string `json:"value,omitempty"`
}

type step struct {
	Name            string          `json:"name"`
	Image           string          `json:"image"`
	Command         []string        `json:"command"`
	Args            []string        `json:"args"`
	OnError         string          `json:"onError,omitempty"` // continue: the task does not fail with it
	Env             []param         `json:"env"`
	SecurityContext securityContext `json:"securityContext"`
	VolumeMounts    []mount         `json:"volumeMounts"`
}

type securityContext struct {
	RunAsUser      int            `json:"runAsUser"`
	RunAsNonRoot   bool           `json:"runAsNonRoot"`
	Capabilities   capabilities   `json:"capabilities"`
	SeccompProfile seccompProfile `json:"seccompProfile"`
}

type capabilities struct {
	Add  []string `json:"add"`
	Drop []string `json:"drop"`
}

type seccompProfile struct {
	Type string `json:"type"`
}

type mount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
}

type volume struct {
	Name     string   `json:"name"`
	EmptyDir struct{} `json:"emptyDir"`
}

// param is a parameter, or a variable of the environment.
type param struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // a string or a list of strings
}

// ConfigMap holds files of pods.
type ConfigMap struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   Metadata          `json:"metadata"`
	Data       map[string]string `json:"data"`
	Immutable  bool              `json:"immutable"`
}

// Run is a PipelineRun.
type Run struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       runSpec  `json:"spec"`
}

type runSpec struct {
	Params          []param            `json:"params"`
	PipelineSpec    pipelineSpec       `json:"pipelineSpec"`
	Timeouts        timeouts           `json:"timeouts"`
	TaskRunTemplate taskRunTemplate    `json:"taskRunTemplate,omitzero"`
	TaskRunSpecs    []taskRunSpec      `json:"taskRunSpecs,omitempty"`
	Workspaces      []workspaceBinding `json:"workspaces,omitempty"`
}

type timeouts struct {
	Pipeline string `json:"pipeline"`
}

type taskRunTemplate struct {
	ServiceAccountName string         `json:"serviceAccountName,omitempty"`
	PodTemplate        map[string]any `json:"podTemplate,omitempty"`
}

type taskRunSpec struct {
	PipelineTaskName string            `json:"pipelineTaskName"`
	ComputeResources *computeResources `json:"computeResources,omitempty"`
	PodTemplate      map[string]any    `json:"podTemplate,omitempty"`
}

type computeResources struct {
	Requests map[string]string `json:"requests"`
}

type workspaceBinding struct {
	Name      string         `json:"name"`
	SubPath   string         `json:"subPath,omitempty"`
	Claim     *claim         `json:"persistentVolumeClaim,omitempty"`
	ConfigMap *configMapName `json:"configMap,omitempty"`
}

type configMapName struct {
	Name string `json:"name"`
}

type claim struct {
	ClaimName string `json:"claimName"`
}

type pipelineSpec struct {
	Params     []paramSpec     `json:"params"`
	Workspaces []workspaceSpec `json:"workspaces,omitempty"`
	Results    []resultSpec    `json:"results"`
	Tasks      []pipelineTask  `json:"tasks"`
}

type pipelineTask struct {
	Name       string             `json:"name"`
	TaskRef    taskRef            `json:"taskRef"`
	RunAfter   []string           `json:"runAfter,omitempty"`
	Params     []param            `json:"params"`
	Workspaces []workspaceMapping `json:"workspaces,omitempty"`
	Retries    int                `json:"retries,omitempty"`
	Timeout    string             `json:"timeout"`
}

type taskRef struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

type workspaceMapping struct {
	Name      string `json:"name"`
	Workspace string `json:"workspace"`
}

// What is read of what became of a run.

type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"` // True, False, Unknown
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// succeeded returns the one condition that Tekton keeps of a run.
func succeeded(conditions []condition) condition {
	for _, one := range conditions {
		if one.Type == "Succeeded" {
			return one
		}
	}
	return condition{Status: "Unknown", Reason: "Pending"}
}

type result struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// valueOf returns a result that is a string; "" where there is none.
func valueOf(results []result, name string) string {
	for _, one := range results {
		if text, ok := one.Value.(string); ok && one.Name == name {
			return text
		}
	}
	return ""
}

type runState struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		Status string `json:"status"`
	} `json:"spec"`
	Status struct {
		Conditions     []condition `json:"conditions"`
		StartTime      string      `json:"startTime"`
		CompletionTime string      `json:"completionTime"`
		Results        []result    `json:"results"`
		SkippedTasks   []struct {
			Name   string `json:"name"`
			Reason string `json:"reason"`
		} `json:"skippedTasks"`
	} `json:"status"`
}

type taskRunState struct {
	Metadata Metadata `json:"metadata"`
	Status   struct {
		try
		RetriesStatus  []try    `json:"retriesStatus"` // those that failed, the first one first
		StartTime      string   `json:"startTime"`
		CompletionTime string   `json:"completionTime"`
		Results        []result `json:"results"`
		Steps          []struct {
			Container  string `json:"container"`
			Running    *state `json:"running"`
			Terminated *state `json:"terminated"`
		} `json:"steps"`
	} `json:"status"`
}

// name is that of the pipeline's task.
func (t *taskRunState) name() string { return t.Metadata.Labels["tekton.dev/pipelineTask"] }

// try is what became of one pod of a task run.
type try struct {
	Conditions []condition `json:"conditions"`
	PodName    string      `json:"podName"`
}

type state struct {
	ExitCode int `json:"exitCode"`
}

package rebuild

// Stage is one step of the job.
type Stage string

// The stages, in the order in which a component passes through them.
const (
	StageResolve  Stage = "resolve"  // payload, config and bases are looked up
	StageFetch    Stage = "fetch"    // source is fetched and checked out
	StagePull     Stage = "pull"     // base images are pulled
	StageBuild    Stage = "build"    // the image is built
	StagePush     Stage = "push"     // the image is pushed
	StageAssemble Stage = "assemble" // the new payload is put together
	StagePublish  Stage = "publish"  // the new payload is pushed
)

// State says how far a stage is.
type State string

// The states of a stage.
const (
	Started State = "started"
	Running State = "running" // Message or Bytes changed
	Done    State = "done"
	Skipped State = "skipped" // there was nothing to do; Message says why
	Warned  State = "warned"  // something the user should know; the job goes on
	Failed  State = "failed"  // Message, of several lines, says why; what others do goes on
)

// Event is one piece of progress.
type Event struct {
	Component string `json:"component,omitempty"` // "" = the payload as a whole
	Stage     Stage  `json:"stage"`
	State     State  `json:"state"`
	Message   string `json:"message,omitempty"` // for a person; may hold text from outside: whoever prints it escapes control characters
	Bytes     int64  `json:"bytes,omitempty"`   // received or sent so far
}

// Progress hears what the job does. Implementations are called from several goroutines.
type Progress interface{ Report(Event) }

// Silent is a Progress that ignores everything.
type Silent struct{}

// Report does nothing.
func (Silent) Report(Event) {}

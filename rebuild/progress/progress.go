// Package progress is what a job says of itself while it runs: events, and how long each stage took.
package progress

// Stage is one step of a job.
type Stage string

// The stages, in the order in which a component passes through them.
const (
	Resolve  Stage = "resolve"  // payload, config and bases are looked up
	Fetch    Stage = "fetch"    // source is fetched and checked out
	Pull     Stage = "pull"     // base images are pulled
	Build    Stage = "build"    // the image is built
	Push     Stage = "push"     // the image is pushed
	Assemble Stage = "assemble" // the new payload is put together
	Publish  Stage = "publish"  // the new payload is pushed
)

// State says how far a stage is.
type State string

// The states of a stage.
const (
	Waiting State = "waiting" // Message says for what
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
	// for a person; may hold text from outside: whoever prints it escapes control characters
	Message string `json:"message,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // received or sent so far
}

// Listener hears what a job does. It is called from several goroutines.
type Listener interface{ Report(Event) }

// Label names a component in a job for several platforms; "" = it is for one.
func Label(component, platform string) string {
	if component == "" || platform == "" {
		return component
	}
	return component + " (" + platform + ")"
}

// ForPlatform is a listener to a job for one of several platforms.
func ForPlatform(listener Listener, platform string) Listener { return lane{listener, platform} }

type lane struct {
	Listener
	platform string
}

// Report implements Listener.
func (l lane) Report(event Event) {
	event.Component = Label(event.Component, l.platform)
	l.Listener.Report(event)
}

// Silent is a Listener that ignores everything.
type Silent struct{}

// Report does nothing.
func (Silent) Report(Event) {}

package ciconfig

// StepKind says what a step of CI's build graph does.
type StepKind string

// The kinds of steps. Those that are not built here are refused by name when an image needs them.
const (
	StepInput     StepKind = "input"      // an image is imported
	StepSource    StepKind = "source"     // the repository is cloned on top of the build root
	StepCache     StepKind = "cache"      // commands run on top of another image
	StepImage     StepKind = "image"      // a Dockerfile is built
	StepRPMServe  StepKind = "rpm-serve"  // RPMs are served over HTTP inside the cluster
	StepRPMInject StepKind = "rpm-inject" // an image gets a repository definition that points at those RPMs
	StepOutput    StepKind = "output"     // an image is tagged into another stream
	StepOther     StepKind = "other"      // anything else in raw_steps
)

// Step makes one pipeline image, or does something with one.
type Step struct {
	Kind     StepKind
	To       string   // pipeline tag that the step makes; for an output the image stream tag
	From     string   // pipeline tag that it starts from
	Commands string   // cache steps: shell commands
	Base     ImageRef // inputs: what is imported; zero where another file says so
	Pullspec string   // inputs from outside CI
	Image    *Image   // image steps
	Optional bool     // outputs and images that CI builds only on demand
	Type     string   // raw steps: their key in raw_steps
}

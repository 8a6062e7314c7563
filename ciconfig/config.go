package ciconfig

// Config is what a ci-operator config says about building and promoting images. What it says about tests is not kept.
type Config struct {
	Name     string // where it was read from, for messages
	Metadata Metadata

	BaseImages      map[string]ImageRef // base_images by alias
	BaseRPMImages   map[string]ImageRef // base_rpm_images by alias
	ExternalImages  map[string]string   // external_images by alias: pull specs
	BuildRoot       *BuildRoot
	BinaryCommands  string // binary_build_commands
	TestCommands    string // test_binary_build_commands
	RPMCommands     string // rpm_build_commands
	RPMLocation     string // rpm_build_location
	CanonicalGoRepo string // canonical_go_repository
	Images          []Image
	RawSteps        []Step
	Bundles         []string // operator.bundles[].as; "" for bundles without a name
	Promotion       Promotion
	Requests        map[string]map[string]string // resources.STEP.requests, such as cpu: 100m; "*" is every step
	Integration     Stream                       // releases.latest.integration: the stream that tests run against
	MultiRef        bool                         // merged from several repositories by the config resolver
}

// Metadata says which branch of which repository a config is for.
type Metadata struct {
	Org     string `json:"org"`
	Repo    string `json:"repo"`
	Branch  string `json:"branch"`
	Variant string `json:"variant,omitempty"`
}

// BuildRoot says where the image comes from in which sources are compiled. Exactly one of the three is set.
type BuildRoot struct {
	ImageStreamTag ImageRef
	ProjectImage   *Image
	FromRepository bool // .ci-operator.yaml at the root of the repository names it
}

// Image is one entry of images, or one project_directory_image_build_step.
type Image struct {
	To         string
	From       string // pipeline tag that replaces the last FROM
	ContextDir string
	Dockerfile string // dockerfile_path, relative to the context directory; "" means Dockerfile
	Literal    string // dockerfile_literal
	BuildArgs  []Arg
	Inputs     []Input // sorted by pipeline tag, as CI copies them
	Optional   bool
	Ref        string // multi-ref configs only

	line int
}

// Arg is one build argument.
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Input is a pipeline image that a build takes references or files from.
type Input struct {
	Image string   `json:"image"` // pipeline tag
	As    []string `json:"as,omitempty"`
	Paths []Path   `json:"paths,omitempty"`
}

// Path is a file or directory of an input that is copied into the build context. A Source that ends in /. means its
// contents.
type Path struct {
	Source      string `json:"source"`
	Destination string `json:"destination"` // directory, relative to the context
}

// Promotion says where images go after a merge.
type Promotion struct {
	Targets           []Target
	DisableBuildCache bool
}

// Target is one entry of promotion.to.
type Target struct {
	Namespace   string
	Name        string // images become tags of this image stream; excludes Tag
	Tag         string // each image becomes an image stream of its own, with this tag
	TagByCommit bool
	Disabled    bool
	Excluded    []string
	Additional  map[string]string // promoted name → pipeline tag
}

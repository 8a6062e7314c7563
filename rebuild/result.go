package rebuild

import "github.com/opencontainers/go-digest"

// Result is what a run made. Its JSON form is what `oc rebuild -o json` prints.
type Result struct {
	Release    ResultRelease     `json:"release"`
	Components []ResultComponent `json:"components"`
	// components that could not be built, and stay as they were
	Left     []string           `json:"left,omitempty"`
	Problems map[string]string  `json:"problems,omitempty"` // why those of Left that could not even be planned are left
	Seconds  map[string]float64 `json:"seconds"`            // by stage, of the whole job
}

// ResultRelease is the new payload.
type ResultRelease struct {
	Image  string        `json:"image"` // repository@digest
	Digest digest.Digest `json:"digest"`
	Name   string        `json:"name"`
}

// ResultComponent is one new component image.
type ResultComponent struct {
	Name       string             `json:"name"`
	Image      string             `json:"image"` // repository@digest
	Digest     digest.Digest      `json:"digest"`
	Platform   string             `json:"platform,omitempty"`   // os/arch, where the payload is for several
	Repository string             `json:"repository,omitempty"` // of the source
	Commit     string             `json:"commit"`
	Dirty      bool               `json:"dirty"`
	Log        string             `json:"log,omitempty"` // file with the whole output of the build
	Seconds    map[string]float64 `json:"seconds"`       // by stage
}

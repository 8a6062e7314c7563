package machine

// State says how good a finding is.
type State string

// The states of a finding.
const (
	OK      State = "ok"
	Note    State = "note"    // works, but worth knowing
	Problem State = "problem" // a build fails because of it
)

// Finding is the result of one check.
type Finding struct {
	Check   string `json:"check"`
	State   State  `json:"state"`
	Message string `json:"message"`          // what was found
	Advice  string `json:"advice,omitempty"` // what to do about it
}

// Problems counts the findings that make builds fail.
func Problems(findings []Finding) int {
	count := 0
	for _, finding := range findings {
		if finding.State == Problem {
			count++
		}
	}
	return count
}

package builder

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// ciLimit is what openshift/builder asks for, for open files and for processes.
const ciLimit = 1048576

// ulimits returns CI's limits, lowered to what this process may ask for: a process cannot raise its own hard limit,
// and the defaults of containers.conf would make every RUN fail on a machine with smaller ones.
func ulimits() ([]string, error) {
	var limits []string
	for _, resource := range []struct {
		name   string
		number int
	}{{"nofile", unix.RLIMIT_NOFILE}, {"nproc", unix.RLIMIT_NPROC}} {
		var current unix.Rlimit
		if err := unix.Getrlimit(resource.number, &current); err != nil {
			return nil, fmt.Errorf("reading the limit of %s: %w", resource.name, err)
		}
		limit := min(uint64(ciLimit), current.Max)
		limits = append(limits, fmt.Sprintf("%s=%d:%d", resource.name, limit, limit))
	}
	return limits, nil
}

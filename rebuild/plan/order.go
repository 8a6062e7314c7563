package plan

import (
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// sortUnits groups units so that each stands in a later group than everything it is built on. The order within a
// group is that of the request. A cycle is an error that prints it.
func sortUnits(units []*unit) ([][]*unit, error) {
	level := map[*unit]int{}
	var path []*unit
	var visit func(*unit) (int, error)
	visit = func(u *unit) (int, error) {
		for i, earlier := range path {
			if earlier == u {
				return 0, cycleError(append(path[i:], u))
			}
		}
		if known, ok := level[u]; ok {
			return known, nil
		}
		path = append(path, u)
		defer func() { path = path[:len(path)-1] }()
		deepest := 0
		for _, need := range u.needs() {
			below, err := visit(need)
			if err != nil {
				return 0, err
			}
			deepest = max(deepest, below+1)
		}
		level[u] = deepest
		return deepest, nil
	}
	var groups [][]*unit
	for _, u := range units {
		at, err := visit(u)
		if err != nil {
			return nil, err
		}
		for len(groups) <= at {
			groups = append(groups, nil)
		}
	}
	for _, u := range units {
		groups[level[u]] = append(groups[level[u]], u)
	}
	return groups, nil
}

// cycleError prints a cycle.
func cycleError(units []*unit) error {
	var names []string
	for _, u := range units {
		names = append(names, u.target.Name)
	}
	return fault.Errorf(fault.Unresolved, "components are built on each other in a circle: %s",
		strings.Join(names, " → "))
}

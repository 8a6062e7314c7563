package changelog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/payload"
)

// FeatureGateInfo is a feature gate that is different for some clusters. Status says how, by cluster profile and
// feature set: "Enabled (Changed)" or "Disabled (New)". A gate that a payload does not name any more is always on,
// "Unconditionally Enabled"; where a payload does not have the profile and the set at all, it is "Not Available".
type FeatureGateInfo struct {
	Name   string                       `json:"name"`
	Status map[string]map[string]string `json:"status"`
}

// column is a kind of cluster: its profile, and its feature set.
type column struct{ profile, set string }

// gates has, for a kind of cluster, whether each gate is enabled.
type gates map[column]map[string]bool

const profileAnnotation = "include.release.openshift.io/"

// profileName is the short name of a cluster profile, as oc has it.
func profileName(profile string) string {
	switch profile {
	case "ibm-cloud-managed":
		return "Hypershift"
	case "self-managed-high-availability":
		return "SelfManagedHA"
	case "single-node-developer":
		return "SingleNode"
	}
	return profile
}

// readGates reads the feature gates of a payload. A file that cannot be read as one, or that is for no profile in
// particular, says nothing.
func readGates(r *payload.Release) gates {
	all := gates{}
	for _, file := range r.Manifests() {
		if !strings.Contains(file.Name, "featureGate-") {
			continue
		}
		var object configv1.FeatureGate
		if yaml.Unmarshal(file.Data, &object) != nil || len(object.Status.FeatureGates) == 0 {
			continue
		}
		set := cmp.Or(string(object.Spec.FeatureSet), "Default")
		// what the user says, and what is no more
		if set == string(configv1.CustomNoUpgrade) || set == "LatencySensitive" {
			continue
		}
		for key, value := range object.Annotations {
			profile, ok := strings.CutPrefix(key, profileAnnotation)
			if !ok || value == "false" {
				continue
			}
			at := column{profileName(profile), set}
			if all[at] == nil {
				all[at] = map[string]bool{}
			}
			for _, gate := range object.Status.FeatureGates[0].Enabled {
				all[at][string(gate.Name)] = true
			}
			for _, gate := range object.Status.FeatureGates[0].Disabled {
				all[at][string(gate.Name)] = false
			}
		}
	}
	return all
}

// status says how a gate is for a kind of cluster, and whether that is new or another than before.
func status(name string, at column, from, to gates) string {
	old, hadColumn := from[at]
	now, hasColumn := to[at]
	switch {
	case !hasColumn && !hadColumn:
		return "Not Available"
	case !hasColumn:
		return "Not Available (Changed)"
	}
	before, was := old[name]
	after, is := now[name]
	text := map[bool]string{true: "Enabled", false: "Disabled"}[after]
	if !is {
		text = "Unconditionally Enabled"
	}
	switch {
	case !hadColumn, is && !was:
		return text + " (New)"
	case was != is, before != after:
		return text + " (Changed)"
	}
	return text
}

// featureGates lists the gates that are different, those that change for clusters with the default features first.
func featureGates(d payload.Diff) ([]FeatureGateInfo, []column) {
	from, to := readGates(d.From), readGates(d.To)
	seen, changed := map[column]bool{}, map[string]bool{}
	for _, one := range []gates{from, to} {
		for at := range one {
			seen[at] = true
		}
	}
	columns := slices.SortedFunc(maps.Keys(seen), func(a, b column) int {
		return cmp.Or(cmp.Compare(a.set, b.set), cmp.Compare(a.profile, b.profile))
	})
	for _, at := range columns {
		if from[at] == nil || to[at] == nil {
			continue // all of it is new, or gone
		}
		for _, one := range []gates{from, to} {
			for name := range one[at] {
				before, was := from[at][name]
				after, is := to[at][name]
				changed[name] = changed[name] || was != is || before != after
			}
		}
	}
	maps.DeleteFunc(changed, func(_ string, yes bool) bool { return !yes })
	var list []FeatureGateInfo
	rank := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		info := FeatureGateInfo{Name: name, Status: map[string]map[string]string{}}
		rank[name] = 3
		for _, at := range columns {
			text := status(name, at, from, to)
			if info.Status[at.profile] == nil {
				info.Status[at.profile] = map[string]string{}
			}
			info.Status[at.profile][at.set] = text
			rank[name] = min(rank[name], interest(at, text))
		}
		list = append(list, info)
	}
	slices.SortStableFunc(list, func(a, b FeatureGateInfo) int { return rank[a.Name] - rank[b.Name] })
	return list, columns
}

// interest is how much a reader wants to know of a status: 0 is the most.
func interest(at column, status string) int {
	switch {
	case strings.HasSuffix(status, "(Changed)") && at.set == "Default":
		return 0
	case strings.HasSuffix(status, "(Changed)"):
		return 1
	case strings.HasSuffix(status, "Enabled (New)"):
		return 2
	}
	return 3
}

// gateSection is the table of feature gates, a column for each kind of cluster. As in oc, a new gate that is disabled
// leaves its cell empty.
func gateSection(line func(string, ...any), d payload.Diff) {
	list, columns := featureGates(d)
	if len(list) == 0 {
		return
	}
	line("### FeatureGate Changes")
	line("")
	heading, rule := "| FeatureGate |", "| ------ |"
	for _, at := range columns {
		heading += fmt.Sprintf(" %s<br/>%s |", at.set, at.profile)
		rule += " :---: |"
	}
	line("%s", heading)
	line("%s", rule)
	for _, gate := range list {
		row := "| " + gate.Name + " |"
		for _, at := range columns {
			text := gate.Status[at.profile][at.set]
			if text == "Disabled (New)" {
				text = ""
			}
			row += " " + strings.ReplaceAll(text, " (", "<br/>(") + " |"
		}
		line("%s", row)
	}
	line("")
}

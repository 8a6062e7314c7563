package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Change is something that is different in two plans.
type Change struct {
	Name  string `json:"name,omitempty"` // of the component or image; "" = of the whole plan
	Field string `json:"field"`          // as in the plan's JSON
	Old   string `json:"old"`            // "" = it was not there
	New   string `json:"new"`            // "" = it is not there any more
}

// Compare lists what is different from an older plan to a newer one: what is built, from which commits, by which
// recipes, on which bases.
func Compare(from, to *Plan) []Change {
	var changes []Change
	add := func(name, field, before, after string) {
		if before != after {
			changes = append(changes, Change{name, field, before, after})
		}
	}
	if from.Platform != "" && to.Platform != "" { // older plans do not say it
		add("", "platform", from.Platform, to.Platform)
	}
	add("", "release.digest", from.Release.Digest.String(), to.Release.Digest.String())
	before := map[string]Component{}
	for _, component := range from.All() {
		before[component.Name] = component
	}
	for _, component := range to.All() {
		old, ok := before[component.Name]
		delete(before, component.Name)
		if !ok {
			add(component.Name, "kind", "", component.Kind)
			continue
		}
		compareComponents(func(field, a, b string) { add(component.Name, field, a, b) }, old, component)
	}
	for name, component := range before {
		add(name, "kind", component.Kind, "")
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(a.Name, b.Name) })
	return changes
}

func compareComponents(add func(field, before, after string), from, to Component) {
	add("source.repository", from.Source.Repository, to.Source.Repository)
	add("source.commit", from.Source.Commit, to.Source.Commit)
	add("source.digest", from.Source.Digest, to.Source.Digest)
	add("recipe.config", from.Recipe.Config, to.Recipe.Config)
	add("recipe.dockerfile", from.Recipe.Dockerfile, to.Recipe.Dockerfile)
	add("recipe.contextDir", from.Recipe.ContextDir, to.Recipe.ContextDir)
	add("recipe.buildArgs", written(from.Recipe.Args()), written(to.Recipe.Args()))
	bases := func(c Component) map[string]string {
		all := map[string]string{}
		for _, base := range c.Wants() {
			all[base.Reference] = cmp.Or(base.PullSpec, "payload:"+base.Built)
		}
		return all
	}
	old, now := bases(from), bases(to)
	changed := false
	for _, reference := range keys(old, now) {
		changed = changed || old[reference] != now[reference]
		add("bases["+reference+"]", old[reference], now[reference])
	}
	if a, b := string(from.Recipe.File.Text()), string(to.Recipe.File.Text()); a != b && !changed { // bases stand in it
		add("recipe.dockerfileText", fmt.Sprintf("%d lines", strings.Count(a, "\n")),
			fmt.Sprintf("%d lines, other ones", strings.Count(b, "\n")))
	}
	add("labels", written(from.Labels), written(to.Labels))
	add("problem", from.Problem, to.Problem)
}

// keys lists those of two maps.
func keys(a, b map[string]string) []string {
	var all []string
	for _, m := range []map[string]string{a, b} {
		for name := range m {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// written is a map as text, without what says only when or where something was built.
func written(m map[string]string) string {
	var pairs []string
	for _, name := range keys(m, nil) {
		if name == "build-date" || strings.HasPrefix(name, "io.openshift.build.commit") ||
			strings.HasPrefix(name, "vcs-") {
			continue // the commit is compared by itself
		}
		pairs = append(pairs, name+"="+m[name])
	}
	return strings.Join(pairs, " ")
}

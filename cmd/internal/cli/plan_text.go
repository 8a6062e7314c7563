package cli

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// writePlan writes a plan that was put into words, or a picture of it.
func writePlan(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// rows lines up cells. Control characters of inputs do not reach the terminal.
type rows struct {
	text  strings.Builder
	table *tabwriter.Writer
}

func newRows() *rows {
	r := &rows{}
	r.table = tabwriter.NewWriter(&r.text, 0, 4, 2, ' ', 0)
	return r
}

func (r *rows) add(cells ...string) {
	for i := range cells {
		cells[i] = plain.Line(cells[i])
	}
	fmt.Fprintln(r.table, strings.Join(cells, "\t"))
}

func (r *rows) String() string {
	_ = r.table.Flush() // a strings.Builder does not fail
	var b strings.Builder
	for _, line := range strings.SplitAfter(r.text.String(), "\n") {
		b.WriteString(strings.TrimRight(strings.TrimSuffix(line, "\n"), " "))
		if strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// printPlan writes a plan for people.
func printPlan(plan *rebuild.Plan) string {
	r := newRows()
	startOf(r, plan)
	for _, component := range plan.Components {
		r.add("")
		r.add("Component:", component.Name)
		if component.Source.Kind == "image" {
			r.add("  Image:", component.Target, "(exists already)")
			continue
		}
		r.component(component)
	}
	for _, image := range plan.Images {
		r.add("")
		r.add("Built first:", image.Name)
		r.component(image)
	}
	if len(plan.Order) > 1 {
		r.add("")
		for i, group := range plan.Order {
			r.add(fmt.Sprintf("Step %d:", i+1), strings.Join(group, ", "))
		}
	}
	for _, warning := range plan.Warnings {
		r.add("")
		r.add("Warning:", warning)
	}
	return r.String()
}

// startOf writes what the plan starts from.
func startOf(r *rows, plan *rebuild.Plan) {
	r.add("Release:", plan.Release.Name)
	r.add("", plan.Release.Image)
	r.add("", plan.Release.Digest.String())
	r.add("Stream:", plan.Release.Stream.Namespace+"/"+plan.Release.Stream.Name)
}

// component writes where source, recipe and bases of an image come from.
func (r *rows) component(c rebuild.PlannedComponent) {
	state := ""
	if c.Source.Dirty {
		state = " with uncommitted changes or patches"
	}
	from := c.Source.Repository
	if c.Source.Kind == rebuild.SourceOSImage {
		from = "the payload's own image, " + c.Image
	}
	if c.Source.Path != "" {
		from = c.Source.Path
	}
	r.add("  Source:", from)
	r.add("", c.Source.Commit+state)
	if c.Source.Ref != "" {
		r.add("", "branch "+c.Source.Ref)
	}
	r.add("  Config:", c.Recipe.Config, c.Recipe.Reason)
	r.add("", "from "+c.Recipe.Origin+", image "+c.Recipe.Image)
	if c.Recipe.Dockerfile != "" {
		r.add("  Dockerfile:", c.Recipe.Dockerfile, "in "+c.Recipe.ContextDir)
	} else {
		r.add("  Dockerfile:", "in the config, or made from it")
	}
	for _, arg := range c.Recipe.BuildArgs {
		r.add("  Argument:", arg.Name+"="+arg.Value)
	}
	for _, base := range c.Bases {
		r.base("  Base:", base)
	}
	for _, base := range c.Files {
		r.base("  Files of:", base)
	}
	if c.Target != "" {
		r.add("  Pushed to:", c.Target)
	}
}

// base writes what stands for a base, and why nothing before did.
func (r *rows) base(title string, base rebuild.PlannedBase) {
	r.add(title, baseName(base), base.From+": "+base.Reason)
	if base.Line > 0 {
		r.add("", fmt.Sprintf("line %d: %s", base.Line, base.Reference))
	}
	switch {
	case base.Built != "":
		r.add("", "built in this run: "+base.Built)
	default:
		r.add("", base.PullSpec)
	}
	for _, attempt := range base.Attempts {
		r.add("", "", "not "+attempt.From+": "+attempt.Problem)
	}
}

// baseName is what a base is called: CI's name, the image of the same config, or the pull spec.
func baseName(base rebuild.PlannedBase) string {
	switch {
	case base.Image != "":
		return base.Image
	case base.Alias != "":
		return base.Alias
	}
	return base.Reference
}

// listPlan writes the plan of a whole payload: a line for each component, then what they are built on, then what cannot be built.
func listPlan(plan *rebuild.Plan) string {
	r := newRows()
	startOf(r, plan)
	r.add("")
	r.add("COMPONENT", "REPOSITORY", "COMMIT", "CONFIG", "DOCKERFILE")
	users := map[string]int{}
	standing := map[string]rebuild.PlannedBase{}
	problems := 0
	for _, c := range plan.Components {
		if c.Recipe.Config == "" {
			problems++
			continue
		}
		file := c.Recipe.Dockerfile
		if c.Recipe.ContextDir != "." && c.Recipe.ContextDir != "" {
			file = c.Recipe.ContextDir + "/" + file
		}
		if file == "" {
			file = "(in the config)"
		}
		r.add(c.Name, strings.TrimPrefix(c.Source.Repository, "https://github.com/"), c.Source.Commit[:min(12, len(c.Source.Commit))], c.Recipe.Config, file)
		for _, base := range c.Bases {
			name := baseName(base)
			if earlier, ok := standing[name]; ok && earlier.From == base.From && earlier.PullSpec != base.PullSpec {
				base.PullSpec = "each component's own image"
			}
			users[name]++
			standing[name] = base
		}
		if c.Problem != "" {
			problems++
		}
	}
	var names []string
	for name := range users {
		names = append(names, name)
	}
	sort.Slice(names, func(a, b int) bool {
		return users[names[a]] > users[names[b]] || users[names[a]] == users[names[b]] && names[a] < names[b]
	})
	r.add("")
	r.add("BASE", "USED BY", "FROM", "PULL SPEC")
	for _, name := range names {
		base := standing[name]
		pulled := base.PullSpec
		switch {
		case base.Built != "":
			pulled = "built first: " + base.Built
		case base.Problem != "":
			pulled = "cannot be had"
		}
		r.add(name, fmt.Sprint(users[name]), base.From, pulled)
	}
	return r.String() + listProblems(plan, names, standing, problems)
}

// listProblems writes which components cannot be built, and what was tried for the bases that cannot be had.
func listProblems(plan *rebuild.Plan, names []string, standing map[string]rebuild.PlannedBase, count int) string {
	if count == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d of %d components cannot be built:\n", count, len(plan.Components))
	for _, c := range plan.Components {
		if c.Problem != "" {
			first, _, _ := strings.Cut(c.Problem, ": tried:\n")
			fmt.Fprintf(&b, "  %s\n", plain.Line(first))
		}
	}
	for _, name := range names {
		if standing[name].Problem == "" {
			continue
		}
		fmt.Fprintf(&b, "\nTried for %s:\n", plain.Line(name))
		for _, attempt := range standing[name].Attempts {
			fmt.Fprintf(&b, "  %s: %s\n", plain.Line(attempt.From), plain.Line(attempt.Problem))
		}
	}
	return b.String()
}

package cli

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// writePlan writes a plan that was put into words, or a picture of it.
func writePlan(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// printPlan writes a plan for people, as wide as so many columns where there are no names longer than that; 0 is as
// wide as it comes.
func printPlan(planned *plan.Plan, width int) string {
	if width > 0 {
		width = max(width-planLabel, planLabel)
	}
	r := display.NewTable(display.Wide)
	startOf(r, planned)
	for _, component := range planned.Components {
		r.Row("")
		r.Row("Component:", component.Name)
		if component.Source.Kind == "image" {
			r.Row("  Image:", component.Target)
			r.Row("", "exists already")
			continue
		}
		componentRows(r, width, component)
	}
	for _, image := range planned.Images {
		r.Row("")
		r.Row("Built first:", image.Name)
		componentRows(r, width, image)
	}
	if len(planned.Order) > 1 {
		r.Row("")
		for i, group := range planned.Order {
			r.Wrapped(width, fmt.Sprintf("Step %d:", i+1), strings.Join(group, ", "))
		}
	}
	for _, warning := range planned.Warnings {
		r.Row("")
		r.Wrapped(width, "Warning:", warning)
	}
	return r.Trimmed()
}

// planLabel is how wide the labels are, in columns: "  Built first:" and two spaces.
const planLabel = 16

// startOf writes what the plan starts from.
func startOf(r *display.Table, planned *plan.Plan) {
	r.Row("Release:", planned.Release.Name)
	r.Row("", planned.Release.Image)
	r.Row("", planned.Release.Digest.String())
	r.Row("Stream:", planned.Release.Stream.Namespace+"/"+planned.Release.Stream.Name)
}

// componentRows writes where source, recipe and bases of an image come from.
func componentRows(t *display.Table, width int, c plan.Component) {
	if c.Recipe.Config == "" && c.Recipe.Image == "" && c.Problem != "" { // nothing else is known
		t.Wrapped(width, "  Problem:", c.Problem)
		return
	}
	state := c.Source.Commit
	switch {
	case state == "" && c.Source.Path != "":
		state = "of no commit: git knows none there"
	case c.Source.Dirty:
		state += " with uncommitted changes or patches"
	}
	switch {
	case len(c.Source.Merged) > 0:
		state += ", made here of " + strings.Join(c.Source.Merged, " and ")
	case c.Source.Unpublished:
		state += ", on no branch of another repository that the clone knows"
	}
	from := c.Source.Repository
	if c.Source.Kind == plan.SourceOSImage {
		from = "the payload's own image, " + c.Image
	}
	if c.Source.Path != "" {
		from = c.Source.Path
	}
	if from != "" { // else it could not be read, of which an error tells
		t.Row("  Source:", from)
		t.Wrapped(width, "", state)
	}
	if c.Source.Ignored > 0 {
		t.Row("", fmt.Sprintf("without what git ignores, %d paths (--with-ignored-files takes them)", c.Source.Ignored))
	}
	if c.Source.Ref != "" {
		t.Row("", "branch "+c.Source.Ref)
	}
	t.Row("  Config:", c.Recipe.Config)
	t.Wrapped(width, "", c.Recipe.Reason)
	if c.Recipe.Origin != "" {
		t.Wrapped(width, "", "from "+c.Recipe.Origin+", image "+c.Recipe.Image)
	}
	switch {
	case c.Recipe.Dockerfile != "":
		t.Row("  Dockerfile:", c.Recipe.Dockerfile+" in "+c.Recipe.ContextDir)
	case c.Recipe.Origin != "":
		t.Row("  Dockerfile:", "in the config, or made from it")
	}
	for _, arg := range c.Recipe.BuildArgs {
		t.Row("  Argument:", arg.Name+"="+arg.Value)
	}
	for _, base := range c.Bases {
		baseRows(t, width, "  Base:", base)
	}
	for _, base := range c.Files {
		baseRows(t, width, "  Files of:", base)
	}
	if c.Target != "" {
		t.Row("  Pushed to:", c.Target)
	}
}

// baseRows writes what stands for a base, and why nothing before did.
func baseRows(t *display.Table, width int, title string, base plan.Base) {
	t.Row(title, baseName(base))
	if base.Problem == "" {
		t.Wrapped(width, "", base.From+": "+base.Reason)
	} else {
		t.Row("", "not available")
	}
	if base.Line > 0 {
		t.Wrapped(width, "", fmt.Sprintf("line %d: %s", base.Line, base.Reference))
	}
	switch {
	case base.Built != "":
		t.Row("", "built in this run: "+base.Built)
	default:
		t.Row("", base.PullSpec)
	}
	for _, attempt := range base.Attempts {
		t.Wrapped(width, "", "not "+attempt.From+": "+attempt.Problem)
	}
}

// baseName is what a base is called: CI's name, the image of the same config, or the pull spec.
func baseName(base plan.Base) string {
	switch {
	case base.Image != "":
		return base.Image
	case base.Alias != "":
		return base.Alias
	}
	return base.Reference
}

// listPlan writes the plan of a whole payload: a line for each component, then what they are built on, then what
// cannot be built.
func listPlan(planned *plan.Plan) string {
	r := display.NewTable(display.Wide)
	startOf(r, planned)
	r.Row("")
	r.Row("COMPONENT", "REPOSITORY", "COMMIT", "CONFIG", "DOCKERFILE")
	users := map[string]int{}
	standing := map[string]plan.Base{}
	problems := 0
	for _, c := range planned.Components {
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
		r.Row(c.Name, strings.TrimPrefix(c.Source.Repository, "https://github.com/"),
			c.Source.Commit[:min(12, len(c.Source.Commit))],
			c.Recipe.Config, file)
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
	r.Row("")
	r.Row("BASE", "USED BY", "FROM", "PULL SPEC")
	for _, name := range names {
		base := standing[name]
		pulled := base.PullSpec
		switch {
		case base.Built != "":
			pulled = "built first: " + base.Built
		case base.Problem != "":
			pulled = "not available"
		}
		r.Row(name, fmt.Sprint(users[name]), base.From, pulled)
	}
	return r.Trimmed() + listProblems(planned, names, standing, problems)
}

// listProblems writes which components cannot be built, and what was tried for the bases that are not available.
func listProblems(planned *plan.Plan, names []string, standing map[string]plan.Base, count int) string {
	if count == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d of %d components cannot be built:\n", count, len(planned.Components))
	for _, c := range planned.Components {
		if c.Problem != "" {
			fmt.Fprintf(&b, "  %s\n", plain.Line(shortProblem(c)))
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

// shortProblem says why a component cannot be built, without what was tried for its bases: that is listed for each base
// once.
func shortProblem(c plan.Component) string {
	var missing []string
	for _, base := range slices.Concat(c.Bases, c.Files) {
		if base.Problem != "" {
			missing = append(missing, baseName(base))
		}
	}
	if len(missing) == 0 {
		return c.Problem
	}
	return fmt.Sprintf("component %q: no image for %s", c.Name, strings.Join(missing, ", "))
}

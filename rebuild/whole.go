package rebuild

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Selection says which components of a payload are rebuilt where all are that it has the source of.
type Selection struct {
	Exclude []string // names
	// reference of a payload: only components that have another commit there, or that it lacks; "" = all
	ChangedSince string
	Branch       string // of each repository, in place of the commit that the payload records; "" = that commit
}

// RunAll is Run for all components of the payload that a request starts from. What cannot be planned ends it, or, with
// KeepGoing, stays in the payload as it was and is in the error, whose class is fault.Build then.
func (j *Job) RunAll(ctx context.Context, request plan.Request, selection Selection) (*Result, error) {
	return j.locked(ctx, func() (*Result, error) {
		inputs := plan.Inputs{Lenient: true, NeedsFiles: j.needsFiles}
		release, request, err := j.openAll(ctx, request, selection, &inputs)
		if err != nil {
			return nil, err
		}
		planned, problems, err := j.planRounds(ctx, release, &request, inputs)
		if planned == nil {
			return nil, err
		}
		j.warn(planned)
		result, failed := j.carryOut(ctx, release, request, planned)
		return withProblems(result, problems, err, failed)
	})
}

// withProblems adds to a result, if there is one, what could not be planned, and joins the errors.
func withProblems(result *Result, problems map[string]string, failures ...error) (*Result, error) {
	err := fault.Join(failures...)
	if result == nil {
		return nil, err
	}
	result.Left = slices.Sorted(slices.Values(slices.AppendSeq(result.Left, maps.Keys(problems))))
	result.Problems = problems
	if err != nil {
		err = fault.New(fault.Build, fault.AdviceOf(err), err)
	}
	return result, err
}

// PlanAll is Plan for all components of the payload that a request starts from. With KeepGoing the plan is of those
// that can be planned; problems says of the others why they are left as they are, and the error of both comes with it.
func (j *Job) PlanAll(ctx context.Context, request plan.Request, selection Selection) (planned *plan.Plan,
	problems map[string]string, err error) {
	inputs := plan.Inputs{Lenient: true}
	release, request, err := j.openAll(ctx, request, selection, &inputs)
	if err != nil {
		return nil, nil, err
	}
	if j.options.KeepGoing {
		return j.planRounds(ctx, release, &request, inputs)
	}
	planned, err = j.planOn(ctx, release, request, inputs)
	if err != nil {
		return nil, nil, err
	}
	return planned, nil, planned.Err()
}

// planRounds plans, with KeepGoing again without the targets of the request that cannot be planned, until the rest can
// be: what is built on them is built on the payload's own images, and that is another plan. The error of those, by
// component in problems, comes together with the plan.
func (j *Job) planRounds(ctx context.Context, release *payload.Release, request *plan.Request, inputs plan.Inputs) (
	*plan.Plan, map[string]string, error,
) {
	var failures []error
	problems := map[string]string{}
	for {
		planned, err := j.planOn(ctx, release, *request, inputs)
		if err != nil {
			return nil, nil, fault.Join(append(failures, err)...)
		}
		problem := planned.Err()
		if problem != nil && !j.options.KeepGoing {
			return nil, nil, problem
		}
		known := len(problems)
		for _, component := range planned.Components {
			if component.Problem != "" {
				problems[component.Name] = component.Problem
			}
		}
		if len(problems) == known {
			return planned, problems, fault.Join(failures...)
		}
		failures = append(failures, problem)
		request.Targets = slices.DeleteFunc(request.Targets, func(t plan.Target) bool { return problems[t.Name] != "" })
		if len(request.Targets) == 0 {
			return nil, nil, fault.Join(failures...)
		}
	}
}

// openAll opens the payload that a request starts from, and names the components that a selection means.
func (j *Job) openAll(ctx context.Context, request plan.Request, selection Selection,
	inputs *plan.Inputs) (*payload.Release, plan.Request, error) {
	request.All = true // until it is known what that means
	if err := j.check(request, inputs); err != nil {
		return nil, request, err
	}
	release, err := j.open(ctx, request.Release)
	if err != nil {
		return nil, request, err
	}
	request.All = false
	request.Targets, err = j.selected(ctx, release, selection)
	return release, request, err
}

// selected lists the components of a payload that a selection means, without those whose source it does not record.
func (j *Job) selected(ctx context.Context, release *payload.Release, selection Selection) ([]plan.Target, error) {
	for _, name := range selection.Exclude {
		if _, err := release.Component(name); err != nil {
			return nil, fmt.Errorf("--exclude: %w", err)
		}
	}
	before := map[string]payload.Component{}
	if selection.ChangedSince != "" {
		older, err := payload.Open(ctx, j.options.Reading, selection.ChangedSince)
		if err != nil {
			return nil, fmt.Errorf("--only-changed-since: %w", err)
		}
		for _, component := range older.Components() {
			before[component.Name] = component
		}
	}
	source := ""
	if selection.Branch != "" {
		source = "@" + selection.Branch
		if _, err := gitsrc.Parse(source); err != nil {
			return nil, fmt.Errorf("--branch: %w", err)
		}
	}
	var targets []plan.Target
	var without []string
	for _, component := range release.Components() {
		old, known := before[component.Name]
		switch {
		case slices.Contains(selection.Exclude, component.Name):
		case selection.ChangedSince != "" && known && old.Commit == component.Commit && old.Source == component.Source:
		case component.Source == "" || component.Commit == "":
			without = append(without, component.Name)
		default:
			targets = append(targets, plan.Target{Name: component.Name, Source: source})
		}
	}
	if len(without) > 0 {
		j.report.Report("", progress.Resolve, progress.Warned,
			"left as they are, since the payload does not record their source: %s", strings.Join(without, ", "))
	}
	if len(targets) == 0 {
		return nil, fault.Errorf(fault.Unresolved, "no component of %s is to be rebuilt", release.Name)
	}
	return targets, nil
}

package playground

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sync/errgroup"
)

// WholeBranch is the branch that every repository of a whole playground has.
const WholeBranch = "release-4.17"

// writeWhole gives a repository to every component of the payload that has none otherwise: a small one, whose
// Dockerfiles have the shapes that those of real components have. Its commits are not those that the payload records.
func writeWhole(ctx context.Context, root string) error {
	list, err := components(nil)
	if err != nil {
		return err
	}
	real := map[string]bool{"": true}
	for _, source := range sources() {
		real[source.Repository] = true
	}
	byRepository := map[string][]component{}
	for _, c := range list {
		if !real[c.Repository] {
			byRepository[c.Repository] = append(byRepository[c.Repository], c)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, repository := range slices.Sorted(maps.Keys(byRepository)) {
		group.Go(func() error {
			var files []txtar.File
			for j, c := range byRepository[repository] {
				place := ""
				if len(byRepository[repository]) > 1 {
					place = "images/" + c.Name + "/"
				}
				files = append(files, txtar.File{Name: place + "Dockerfile", Data: []byte(c.dockerfile(i+j, place))},
					txtar.File{Name: place + "README", Data: []byte(c.Name + "\n")})
				for _, f := range c.stubFiles() {
					if strings.HasPrefix(f.Name, "manifests/") {
						files = append(files, txtar.File{Name: place + f.Name, Data: f.Data})
					}
				}
			}
			return writeRepository(ctx, root, repository, []commit{{
				Ref: "refs/heads/" + WholeBranch, Date: created(),
				Message: "A component of the playground\n", Files: files,
			}})
		})
	}
	return group.Wait()
}

// dockerfile is one of several shapes: with a stage that builds, with two that do, on another component, with files of
// another component, and the final stage alone.
func (c component) dockerfile(shape int, place string) string {
	const builder, base = "registry.ci.openshift.org/ocp/builder:rhel-9-golang-1.22-openshift-4.17",
		"registry.ci.openshift.org/ocp/4.17:base-rhel9"
	const cli = "registry.ci.openshift.org/ocp/4.17:cli"
	var b strings.Builder
	switch copied := place + "README /usr/share/" + c.Name; {
	case c.Name == "cli" || shape%5 == 0:
		fmt.Fprintf(&b,
			"FROM %s AS builder\nWORKDIR /src\nCOPY . .\nRUN cp %sREADME built\n\nFROM %s\nCOPY --from=builder /src/built /usr/share/%s\n", builder, place, base, c.Name)
	case shape%5 == 1:
		fmt.Fprintf(&b,
			"FROM %s AS first\nCOPY . /src\nRUN touch /src/first\n\nFROM %s AS second\nCOPY . /src\nRUN touch /src/second\n\n", builder, builder)
		fmt.Fprintf(&b,
			"FROM %s\nCOPY --from=first /src/%sREADME /usr/share/%s\nCOPY --from=second /src/second /usr/share/second\n", base, place, c.Name)
	case shape%5 == 2:
		fmt.Fprintf(&b, "FROM %s AS cli\n\nFROM %s\nCOPY --from=cli /usr/share/cli /usr/share/cli\nCOPY %s\n",
			cli, base, copied)
	case shape%5 == 3:
		fmt.Fprintf(&b, "FROM %s\nENV A=b\nRUN echo %s >/etc/motd\nCOPY %s\n", base, c.Name, copied)
	default:
		fmt.Fprintf(&b, "FROM %s\nCOPY %s\n", base, copied)
	}
	if c.Versions != "" {
		fmt.Fprintf(&b, "LABEL io.openshift.build.versions=%q\n", c.Versions)
	}
	if c.Titles != "" {
		fmt.Fprintf(&b, "LABEL io.openshift.build.version-display-names=%q\n", c.Titles)
	}
	if c.operator() {
		b.WriteString("COPY " + place + "manifests /manifests\nLABEL io.openshift.release.operator=true\n")
	}
	return b.String()
}

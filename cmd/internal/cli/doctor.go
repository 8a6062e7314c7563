package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.podman.io/storage/pkg/unshare"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/machine"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

const doctorLong = `Check what a rebuild needs on this machine: the user's ID ranges, user namespaces, storage, isolation, OCI runtimes with known vulnerabilities,
disk space, configuration, what killed runs left, and with --platform whether programs for it run. With --from-release and --to-image,
also check that their credential helpers are there, the payload can be read, and the destination can be written to (a two-byte blob
is sent, which nothing refers to). Each problem comes with advice. The exit code is 1 if there is any.`

func newDoctor(streams Streams) *cobra.Command {
	var o jobOptions
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether this machine can rebuild, and say what to do if it cannot",
		Long:  doctorLong,
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runDoctor(command.Context(), streams, &o)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.release, "from-release", "", "payload that must be readable")
	flags.StringVar(&o.to, "to-image", "", "pull spec that must be writable")
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.registry.applyPush(flags)
	o.registry.describePlatforms(flags)
	o.build.applyPlace(flags)
	o.output.apply(flags, "text, "+structured)
	return command
}

func runDoctor(ctx context.Context, streams Streams, o *jobOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	findings, err := o.examine(ctx, streams)
	if err != nil {
		return err
	}
	if o.output.isStructured() {
		err = o.output.print(streams.Out, findings)
	} else {
		err = printFindings(streams.Out, findings)
	}
	if problems := machine.Problems(findings); err == nil && problems > 0 {
		return fault.Errorf(fault.Other, "%d of %d checks found a problem", problems, len(findings))
	}
	return err
}

// examine makes all checks. Those of the storage run inside the user namespace of a build, which starts the program
// again.
func (o *jobOptions) examine(ctx context.Context, streams Streams) ([]machine.Finding, error) {
	user := unshare.GetRootlessUID()
	if user == -1 {
		user = os.Geteuid()
	}
	kernel := machine.Kernel(user != 0 || builder.NeedsUserNamespace(), builder.TryUserNamespace)
	findings := append(machine.Identity(user), kernel...)
	if machine.Problems(findings) == 0 {
		if err := builder.EnterUserNamespace(ctx); err != nil {
			return nil, err
		}
		temp, alive, err := flock.MakeHeld(os.TempDir(), scratch.JobPrefix)
		if err != nil {
			return nil, err
		}
		defer func() { _ = errors.Join(os.RemoveAll(temp), alive.Release()) }()
		findings = append(findings, machine.Runtimes(ctx, temp)...)
		findings = append(findings, machine.Storage(ctx, o.build.builder(temp))...)
		findings = append(findings, machine.Leftovers())
		for _, platform := range o.registry.platforms() {
			if named, err := registry.ParsePlatform(platform); err == nil { // else reach says so
				findings = append(findings, machine.Programs(named.Architecture, temp)...)
			}
		}
	}
	cacheDir, err := o.cache()
	if err != nil {
		return nil, err
	}
	temporary, err := scratch.Base()
	if err != nil {
		return nil, err
	}
	findings = append(findings, machine.Space("space for the cache", cacheDir),
		machine.Space("space for sources", temporary))
	findings = append(findings, machine.Configuration()...)
	findings = append(findings, gitFinding())
	reached, err := o.reach(ctx, streams)
	return append(findings, reached...), err
}

// reach checks the source and the destination of a job.
func (o *jobOptions) reach(ctx context.Context, streams Streams) ([]machine.Finding, error) {
	reading, pushing, closeClients, err := o.registry.first().clients(streams.notice)
	if err != nil {
		return nil, err
	}
	var findings []machine.Finding
	if o.release != "" {
		findings = append(findings, helperFindings(reading, o.release)...)
		sum, err := reading.Resolve(ctx, o.release)
		findings = append(findings, reachFinding("source", sum, err))
	}
	if o.to != "" {
		findings = append(findings, helperFindings(pushing, o.to)...)
		findings = append(findings, reachFinding("destination", o.to+" can be written to",
			writable(ctx, pushing, o.to)))
	}
	return findings, closeClients()
}

// reachFinding is ok, or what the registry answered.
func reachFinding(check, message string, err error) machine.Finding {
	if err != nil {
		return machine.Finding{Check: check, State: machine.Problem, Message: err.Error(), Advice: fault.AdviceOf(err)}
	}
	return machine.Finding{Check: check, State: machine.OK, Message: message}
}

// gitFinding says which git configuration counts for fetching.
func gitFinding() machine.Finding {
	var found []string
	home, _ := os.UserHomeDir()
	for _, path := range []string{os.Getenv("GIT_CONFIG_GLOBAL"), filepath.Join(home, ".gitconfig"),
		filepath.Join(home, ".config/git/config"), "/etc/gitconfig",
		filepath.Join(home, ".netrc"), filepath.Join(home, ".git-credentials")} {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			found = append(found, path)
		}
	}
	if os.Getenv("SSH_AUTH_SOCK") != "" {
		found = append(found, "an ssh agent")
	}
	if found == nil {
		return machine.Finding{Check: "git", State: machine.OK,
			Message: "no configuration, no credentials: public repositories only"}
	}
	return machine.Finding{Check: "git", State: machine.OK, Message: strings.Join(found, ", ")}
}

// printFindings writes findings for people, what to do under each.
func printFindings(w io.Writer, findings []machine.Finding) error {
	var b strings.Builder
	for _, finding := range findings {
		fmt.Fprintf(&b, "%-8s %-22s %s\n", finding.State, finding.Check, plain.Line(finding.Message))
		for _, line := range strings.Split(strings.TrimSpace(finding.Advice), "\n") {
			if line != "" {
				fmt.Fprintf(&b, "%32s%s\n", "", plain.Line(line))
			}
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	return nil
}

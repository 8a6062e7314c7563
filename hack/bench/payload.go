package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// slow is how long a distant registry waits before each answer, in the second run of the payload commands.
const slow = 50 * time.Millisecond

// smallAnswers is what a registry may answer besides content, in bytes: to a ping, for example.
const smallAnswers = 1 << 10

// goal bounds what a command may cost. A field that is 0 sets no bound.
type goal struct {
	requests    int
	bytes       int64
	near, apart time.Duration // without a delay, and with the delay of slow
}

// String says the goal as a column of the table.
func (g goal) String() string {
	var parts []string
	if g.requests > 0 {
		parts = append(parts, fmt.Sprintf("%d requests", g.requests))
	}
	if g.bytes > 0 {
		parts = append(parts, fmt.Sprintf("%d KiB", g.bytes>>10))
	}
	if g.near > 0 {
		parts = append(parts, fmt.Sprintf("%s at 0 ms", g.near))
	}
	if g.apart > 0 {
		parts = append(parts, fmt.Sprintf("%s at %d ms", g.apart, slow.Milliseconds()))
	}
	return strings.Join(parts, ", ")
}

// cost is what one run of a command took.
type cost struct {
	requests int
	bytes    int64
	seconds  float64
}

// meets tells whether both runs of a command stay within the goal.
func (g goal) meets(near, apart cost) string {
	switch {
	case g == goal{}:
		return ""
	case g.requests > 0 && max(near.requests, apart.requests) > g.requests,
		g.bytes > 0 && max(near.bytes, apart.bytes) > g.bytes,
		g.near > 0 && near.seconds > g.near.Seconds(),
		g.apart > 0 && apart.seconds > g.apart.Seconds():
		return "missed"
	}
	return "met"
}

// verb is a payload command. TO in an argument stands for a repository, and DIR for a directory, that are new in each
// round.
type verb struct {
	name string
	args []string
	goal goal
}

// payloadVerbs measures the commands that work on payloads alone, in a registry that answers at once and in a distant
// one, and compares them with their goals.
func payloadVerbs(ctx context.Context, p *playground.Playground, binary string, out io.Writer) error {
	b := bench{playground: p, binary: binary}
	verbs, err := b.prepare(ctx)
	if err != nil {
		return fmt.Errorf("preparing the payload: %w", err)
	}
	near, err := b.round(ctx, verbs, 0)
	if err != nil {
		return err
	}
	apart, err := b.round(ctx, verbs, slow)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "COMMAND\tREQUESTS\tKIB READ\tSECONDS AT 0 MS\tAT %d MS\tGOAL, AT MOST\t\n", slow.Milliseconds())
	for i, v := range verbs {
		fmt.Fprintf(table, "%s\t%d\t%d\t%.2f\t%.2f\t%s\t%s\n", v.name, max(near[i].requests, apart[i].requests),
			max(near[i].bytes, apart[i].bytes)>>10, near[i].seconds, apart[i].seconds, v.goal,
			v.goal.meets(near[i], apart[i]))
	}
	return table.Flush()
}

// bench runs commands against a playground.
type bench struct {
	playground *playground.Playground
	binary     string
	rounds     int
}

// prepare makes a payload whose images are all in the playground's registry under its own name, so that they can be
// mounted, and images to put in.
func (b *bench) prepare(ctx context.Context) ([]verb, error) {
	host := b.playground.Registry.Host
	from := host + "/bench/payload:release"
	if _, err := b.run(ctx, []string{"new", "--quiet", "--from-release", b.playground.Payload, "--mirror",
		host + "/bench/payload",
		"--to-image", from}); err != nil {
		return nil, err
	}
	release, err := b.playground.Release(ctx, from)
	if err != nil {
		return nil, err
	}
	operand, err := b.rebuilt(ctx, release, "coredns")
	if err != nil {
		return nil, err
	}
	operator, err := b.rebuilt(ctx, release, "cluster-dns-operator")
	if err != nil {
		return nil, err
	}
	layer, err := b.releaseLayer(ctx, from)
	if err != nil {
		return nil, err
	}
	images := fmt.Sprintf("%d images", len(release.References.Spec.Tags))
	mirror := []string{"mirror", "--quiet", "--from", from, "--to", "TO"}
	return []verb{
		{"info", []string{"info", from}, goal{requests: 4}},
		{"info --size, " + images, []string{"info", "--size", from}, goal{apart: 2 * time.Second}},
		{"extract --to", []string{"extract", "--quiet", from, "--to", "DIR"}, goal{bytes: layer}},
		{"new, one operand", []string{"new", "--quiet", "--from-release", from, "--to-image",
			"TO-operand:new", operand},
			goal{requests: 20, bytes: 2 << 20, apart: 1500 * time.Millisecond}},
		{"new, one operator", []string{"new", "--quiet", "--from-release", from, "--to-image",
			"TO-operator:new", operator},
			goal{requests: 30, bytes: 2 << 20, apart: 1500 * time.Millisecond}},
		{"mirror, " + images, mirror, goal{near: 10 * time.Second}},
		{"mirror, nothing to do", mirror, goal{near: 2 * time.Second}},
	}, nil
}

// rebuilt pushes the image of a component with one more label, as a build without changes might make it, and returns
// the argument that puts it into a payload.
func (b *bench) rebuilt(ctx context.Context, release playground.Release, component string) (string, error) {
	image, err := b.playground.Image(ctx, release.PullSpec(component))
	if err != nil {
		return "", err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	file = file.DeepCopy()
	file.Config.Labels["bench"] = "rebuilt"
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return "", err
	}
	ref, err := name.NewTag(b.playground.Registry.Host+"/bench/rebuilt:"+component, name.Insecure)
	if err != nil {
		return "", err
	}
	return component + "=" + ref.String(), remote.Write(ref, image, remote.WithContext(ctx))
}

// releaseLayer returns how many bytes have to be read of a release image to know its files: manifest, config and top
// layer.
func (b *bench) releaseLayer(ctx context.Context, pullSpec string) (int64, error) {
	image, err := b.playground.Image(ctx, pullSpec)
	if err != nil {
		return 0, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	size, err := image.Size() // of the manifest
	if err != nil {
		return 0, err
	}
	return size + manifest.Config.Size + manifest.Layers[len(manifest.Layers)-1].Size + smallAnswers, nil
}

// round runs each command once, with its own caches, repositories and directories.
func (b *bench) round(ctx context.Context, verbs []verb, delay time.Duration) ([]cost, error) {
	b.rounds++
	b.playground.Registry.Reset()
	b.playground.Registry.Add(playground.Rule{Path: "/v2/", Delay: delay})
	place := strings.NewReplacer("TO", fmt.Sprintf("%s/bench/round-%d", b.playground.Registry.Host, b.rounds),
		"DIR", filepath.Join(b.playground.Dir, fmt.Sprintf("round-%d", b.rounds)))
	var costs []cost
	for _, v := range verbs {
		var args []string
		for _, arg := range v.args {
			args = append(args, place.Replace(arg))
		}
		c, err := b.run(ctx, args)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		costs = append(costs, c)
	}
	return costs, nil
}

// run runs the program with an empty cache.
func (b *bench) run(ctx context.Context, args []string) (cost, error) {
	cache, err := os.MkdirTemp(b.playground.Dir, "cache-")
	if err != nil {
		return cost{}, err
	}
	b.playground.Registry.Answered()
	seconds, err := timed(ctx, b.playground, b.binary, args, "XDG_CACHE_HOME="+cache)
	return cost{requests(b.playground), b.playground.Registry.Answered(), seconds}, err
}

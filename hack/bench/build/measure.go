package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// pull brings the bases into both storages, so that no build waits for a registry.
func (b *bench) pull(ctx context.Context) error {
	for _, base := range b.plan.Components[0].Bases {
		if err := command(ctx, b.buildah, append(b.storage(), "pull", "-q", "--policy", "missing",
			base.PullSpec)...).Run(); err != nil {
			return fmt.Errorf("pulling %s: %w", base.PullSpec, err)
		}
	}
	if _, err := os.Stat(filepath.Join(b.work, "storage")); err == nil {
		return nil // from the last time
	}
	_, err := b.rebuild(ctx)
	return err
}

// coldBuilds compares builds that begin with nothing but the bases, one of each in turn.
func (b *bench) coldBuilds(ctx context.Context) error {
	var ours, theirs, peaks []float64
	for range b.cold {
		if err := os.RemoveAll(b.cache()); err != nil {
			return err
		}
		made, err := b.rebuild(ctx)
		if err != nil {
			return err
		}
		seconds, err := b.bud(ctx)
		if err != nil {
			return err
		}
		ours, theirs, peaks = append(ours, made.build), append(theirs, seconds),
			append(peaks, float64(made.peak)/(1<<20))
	}
	printPairs("cold build", ours, "buildah bud", theirs)
	fmt.Printf("%-40s %8.1f MiB\n", "peak memory of the program, cold", median(peaks))
	return nil
}

// changes compares what follows a change of one line, up to the new payload in a registry. buildah, which keeps no
// layers, starts again at the first step.
func (b *bench) changes(ctx context.Context) error {
	var builds, jobs, bud, hand, excess []float64
	for range b.rounds {
		if err := b.change(); err != nil {
			return err
		}
		b.registry.reset()
		made, err := b.rebuild(ctx)
		if err != nil {
			return err
		}
		received, layers := b.registry.reset()
		seconds, err := b.bud(ctx)
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := b.handSteps(ctx); err != nil {
			return err
		}
		builds, jobs, excess = append(builds, made.build), append(jobs, made.seconds),
			append(excess, float64(received)/float64(layers))
		bud, hand = append(bud, seconds), append(hand, seconds+time.Since(begin).Seconds())
	}
	printPairs("one changed line: build", builds, "buildah bud", bud)
	printPairs("one changed line: payload pushed", jobs, "by hand", hand)
	fmt.Printf("%-40s %8.3f × the compressed new layers\n", "bytes received by the registry", median(excess))
	return nil
}

// handSteps are what follows buildah bud by hand: clone, push, put a payload together.
func (b *bench) handSteps(ctx context.Context) error {
	clone := filepath.Join(b.work, "clone")
	defer os.RemoveAll(clone)
	if err := command(ctx, "git", "-c", "advice.detachedHead=false", "clone", "-q", "--depth=1", "file://"+b.tree,
		clone).Run(); err != nil {
		return fmt.Errorf("cloning: %w", err)
	}
	image := b.registry.host + "/bench/hand:component"
	if err := command(ctx, b.buildah, append(b.storage(), "push", "-q", "--tls-verify=false", "bench",
		"docker://"+image)...).Run(); err != nil {
		return fmt.Errorf("buildah push: %w", err)
	}
	err := command(ctx, b.binary, "new", "--insecure", "--from-release", b.release, "--to-image",
		b.registry.host+"/bench/hand:release", b.component+"="+image).Run()
	if err != nil {
		return fmt.Errorf("putting the payload together: %w", err)
	}
	return nil
}

// nothing measures a run in which nothing has changed.
func (b *bench) nothing(ctx context.Context) error {
	first, err := b.rebuild(ctx)
	if err != nil {
		return err
	}
	var seconds []float64
	b.registry.reset()
	for range b.rounds {
		again, err := b.rebuild(ctx)
		if err != nil {
			return err
		}
		if again.digest != first.digest {
			return fmt.Errorf("nothing changed, but the payload is %s after %s", again.digest, first.digest)
		}
		seconds = append(seconds, again.seconds)
	}
	received, _ := b.registry.reset()
	fmt.Printf("%-40s %8.2f s   %d bytes of blobs pushed, same payload digest\n", "nothing changed, whole job",
		median(seconds), received)
	return nil
}

// printPairs writes a line that compares medians, and the ratios of what was measured side by side.
func printPairs(what string, ours []float64, against string, theirs []float64) {
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, ours[i]/theirs[i])
	}
	fmt.Printf("%-40s %8.2f s   %s %.2f s   median ratio of %d pairs %.3f (%.3f to %.3f)\n", what, median(ours),
		against, median(theirs),
		len(ratios), median(ratios), slices.Min(ratios), slices.Max(ratios))
}

// median returns the middle of values, or NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

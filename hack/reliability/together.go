package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// together starts two to eight runs at once on one cache and storage, of equal and of different components. Each makes
// the payload that it makes alone, and what two of them want is built once. Every fifth time nothing is there before.
func together(ctx context.Context, w *world, runs int) error {
	names := []string{"cli", "etcd", "coredns"}
	want := map[string]string{}
	for _, name := range names {
		digest, err := good(w.command(ctx, "want-"+name, name+"=@"+playground.WholeBranch))
		if err != nil {
			return err
		}
		want[name] = digest
	}
	all := 0
	for i := range runs {
		if err := w.forget(i%5 == 4); err != nil {
			return err
		}
		var group sync.WaitGroup
		var mu sync.Mutex
		built := map[string]int{}
		for j := range 2 + i%7 {
			all++
			group.Go(func() {
				name := names[(i+j)%(1+i%len(names))]
				which := fmt.Sprintf("round %d, %s, one of %d", i, name, 2+i%7)
				got, err := do(w.command(ctx, fmt.Sprintf("round%d-%d", i, j), name+"=@"+playground.WholeBranch), nil)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					w.note("%s: %v", which, err)
				case got.code != 0:
					w.note("%s: exit code %d: %s", which, got.code, got.stderr)
				case digest(got) != want[name]:
					w.note("%s: makes %s, want %s", which, digest(got), want[name])
				}
				built[name] += strings.Count(got.stderr, name+": build … ")
			})
		}
		group.Wait()
		for name, n := range built {
			if n != 1 {
				w.note("round %d: %s was built %d times", i, name, n)
			}
		}
		w.clean(fmt.Sprintf("round %d", i), 0)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return w.conclude(runs, "%d runs in these rounds", all)
}

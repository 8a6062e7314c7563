package payload_test

import (
	"context"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// realCost bounds what an assembly of the real release asks a registry for: requests, and bytes that it reads.
func realCost(t *testing.T, seed payloadtest.Release, r *payloadtest.Registry, seeded payloadtest.Seeded) {
	tests := []struct {
		component string
		requests  int
		bytes     int64
	}{
		{"coredns", 17, 2 << 20},              // an operand; the goal is 20, and this is what it takes
		{"cluster-dns-operator", 20, 2 << 20}, // an operator; the goal is 30
	}
	for _, test := range tests {
		t.Run(test.component, func(t *testing.T) {
			change := payload.Change{Component: test.component}
			for _, c := range seed.Components {
				if c.Name == test.component {
					image := c.Image(seed.Created)
					image.Layers[1]["usr/bin/x"] = "rebuilt"
					change.Image = r.Push(t, "me/rebuilt", c.Name, image.Build(t))
				}
			}
			for _, to := range []string{"/test/release:new", "/me/another:new"} {
				client := payloadtest.Client(t)
				r.Reset()
				release, err := payload.Open(context.Background(), client, seeded.PullSpec)
				if err != nil {
					t.Fatal(err)
				}
				assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
					payload.AssembleOptions{TrustTag: true})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := assembly.Push(context.Background(), client, r.Host+to); err != nil {
					t.Fatal(err)
				}
				requests, bytes := r.Reset()
				if len(requests) > test.requests || bytes > test.bytes {
					t.Errorf("%d requests and %d bytes read, want at most %d and %d:\n%v", len(requests), bytes,
						test.requests, test.bytes, requests)
				}
			}
		})
	}
}

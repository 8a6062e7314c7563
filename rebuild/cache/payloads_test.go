package cache_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

func TestPayloads(t *testing.T) {
	directory := t.TempDir()
	if got := cache.Payloads(directory); len(got) > 0 {
		t.Errorf("an empty cache has %v", got)
	}
	for n := range 30 {
		cache.RememberPayload(directory, cache.Payload{Reference: fmt.Sprint(n)})
	}
	cache.RememberPayload(directory, cache.Payload{Reference: "25", Components: []string{"cli"}})
	got := cache.Payloads(directory)
	if len(got) != 20 || got[1].Reference != "29" {
		t.Errorf("there are %d, %v", len(got), got)
	}
	if diff := cmp.Diff(cache.Payload{Reference: "25", Components: []string{"cli"}}, got[0]); diff != "" {
		t.Errorf("the last one (-want +got):\n%s", diff)
	}
	cache.RememberPayload(directory+"/none", cache.Payload{Reference: "x"}) // nobody's concern
}

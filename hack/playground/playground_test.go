package playground_test

import (
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func TestStart(t *testing.T) {
	begin := time.Now()
	p, err := playground.Start(t.Context(), t.TempDir(), playground.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	t.Log(time.Since(begin), p.Payload, p.OKDPayload)
}

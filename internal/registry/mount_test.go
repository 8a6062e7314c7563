package registry_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestMounts sends the layers of an image to another repository of its registry, which takes the wish to mount them
// in different ways.
func TestMounts(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if mounting(r) {
				w.WriteHeader(code)
			}
			return mounting(r)
		}
	}
	tests := []struct {
		description string
		hook        func(w http.ResponseWriter, r *http.Request) bool
		requests    map[string]int
		opened      int
	}{
		{"they are mounted, and nothing is sent: only for the first the registry is asked whether it is there", nil,
			map[string]int{"HEAD": 1, "MOUNT": 3}, 0},
		{"each time an upload is begun, and used", func(_ http.ResponseWriter, r *http.Request) bool {
			if mounting(r) {
				r.URL.RawQuery = ""
			}
			return false
		}, map[string]int{"HEAD": 3, "MOUNT": 3, "PUT": 3, "GET": 3}, 3},
		{"the credentials may not read there, which is not tried again", status(http.StatusForbidden),
			map[string]int{"HEAD": 3, "MOUNT": 1, "POST": 3, "PUT": 3, "GET": 3}, 3},
		{"the repository is said not to be there", status(http.StatusNotFound),
			map[string]int{"HEAD": 3, "MOUNT": 1, "POST": 3, "PUT": 3, "GET": 3}, 3},
		{"a registry that fails to mount still takes uploads", status(http.StatusInternalServerError),
			map[string]int{"HEAD": 3, "MOUNT": 3, "POST": 3, "PUT": 3, "GET": 3}, 3},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			f, client := newFront(t), payloadtest.Client(t)
			image := f.image(t, client)
			f.fail(test.hook)
			target, opened := f.target(t, client, "/to/there:latest"), 0
			for _, blob := range layers(image, &opened) {
				check(t, target.Put(context.Background(), blob))
			}
			if diff := cmp.Diff(test.requests, f.count()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if opened != test.opened {
				t.Errorf("%d layers were read, want %d", opened, test.opened)
			}
			f.fail(nil)
			_, err := image.Send(context.Background(), target, false) // the config
			check(t, err)
			_, err = target.Commit(context.Background(), image.Manifest)
			check(t, err)
		})
	}
}

// TestMountsSideBySide sends all layers at once: the first shows how the registry takes it, and the others follow.
func TestMountsSideBySide(t *testing.T) {
	f, client := newFront(t), payloadtest.Client(t)
	image := f.image(t, client)
	opened := 0
	check(t, f.target(t, client, "/to/there:latest").PutAll(context.Background(), layers(image, &opened)))
	if diff := cmp.Diff(map[string]int{"HEAD": 1, "MOUNT": 3}, f.count()); diff != "" || opened != 0 {
		t.Errorf("%d layers were read; requests (-want +got):\n%s", opened, diff)
	}
}

// TestMountsThatStopToWork mounts the first layer. For the second, which is there already, an upload is begun: it is
// cancelled. The third is looked for before anything is begun.
func TestMountsThatStopToWork(t *testing.T) {
	f, client := newFront(t), payloadtest.Client(t)
	image := f.image(t, client)
	before := f.target(t, payloadtest.Client(t), "/to/there:latest")
	opened := 0
	for _, blob := range layers(image, &opened)[1:] {
		check(t, before.Put(context.Background(), blob))
	}
	f.count()
	mounts := 0
	f.fail(func(_ http.ResponseWriter, r *http.Request) bool {
		if mounting(r) {
			if mounts++; mounts > 1 {
				r.URL.RawQuery = ""
			}
		}
		return false
	})
	target := f.target(t, client, "/to/there:latest")
	opened = 0
	for _, blob := range layers(image, &opened) {
		check(t, target.Put(context.Background(), blob))
	}
	if diff := cmp.Diff(map[string]int{"HEAD": 3, "MOUNT": 2, "DELETE": 1}, f.count()); diff != "" || opened != 0 {
		t.Errorf("%d layers were read; requests (-want +got):\n%s", opened, diff)
	}
}

// TestMountsOfSomethingElse answers that another blob was mounted.
func TestMountsOfSomethingElse(t *testing.T) {
	f, client := newFront(t), payloadtest.Client(t)
	image := f.image(t, client)
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if mounting(r) {
			w.Header().Set("Docker-Content-Digest", image.Digest.String())
			w.WriteHeader(http.StatusCreated)
		}
		return mounting(r)
	})
	opened := 0
	target := f.target(t, client, "/to/there:latest")
	for _, blob := range layers(image, &opened) {
		check(t, target.Put(context.Background(), blob))
	}
	if opened != 3 {
		t.Errorf("%d layers were sent, want all 3", opened)
	}
}

// TestMountsFail makes each request fail: the push ends as one that cannot be published.
func TestMountsFail(t *testing.T) {
	f, client := newFront(t), payloadtest.Client(t)
	image := f.image(t, client)
	f.fail(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	opened := 0
	if err := f.target(t, client, "/to/there:latest").PutAll(context.Background(),
		layers(image, &opened)); fault.KindOf(err) != fault.Publish {
		t.Errorf("kind %d: %v", fault.KindOf(err), err)
	}
}

package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// large is more than the buffers of a connection on loopback take.
const large = 8 << 20

// opening returns a blob of data, and how often it was opened.
func opening(data []byte) (registry.Blob, *atomic.Int64) {
	var opened atomic.Int64
	blob := registry.Bytes(data, "application/octet-stream")
	open := blob.Open
	blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
		opened.Add(1)
		return open(ctx)
	}
	return blob, &opened
}

// TestUploadRequests counts what it takes to send a blob that no registry has, with its size known and unknown, and
// an empty one.
func TestUploadRequests(t *testing.T) {
	tests := []struct {
		description string
		data        string
		size        int64
		requests    map[string]int
	}{
		{"size known", "content", 7, map[string]int{"POST": 1, "PUT": 1}},
		{"size unknown", "content", -1, map[string]int{"POST": 1, "PATCH": 1, "PUT": 1}},
		{"nothing", "", 0, map[string]int{"POST": 1, "PATCH": 1, "PUT": 1}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			f := newFront(t)
			blob, opened := opening([]byte(test.data))
			blob.Size = test.size
			target := f.target(t, payloadtest.Client(t), "/a/b:c")
			check(t, target.Put(context.Background(), blob))
			check(t, target.Put(context.Background(), blob)) // it is known to be there
			if diff := cmp.Diff(test.requests, f.count()); diff != "" || opened.Load() != 1 {
				t.Errorf("opened %d times, requests (-want +got):\n%s", opened.Load(), diff)
			}
			again := blob
			again.New = false
			check(t, f.target(t, payloadtest.Client(t), "/a/b:c").Put(context.Background(), again))
			if diff := cmp.Diff(map[string]int{"HEAD": 1}, f.count()); diff != "" || opened.Load() != 1 {
				t.Errorf("again: opened %d times, requests (-want +got):\n%s", opened.Load(), diff)
			}
		})
	}
}

// TestConnectionCut breaks the connection in the middle of an upload: it begins again, from the beginning of the
// content.
func TestConnectionCut(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut} {
		t.Run(method, func(t *testing.T) {
			f := newFront(t)
			cut := false
			f.fail(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method != method || cut {
					return false
				}
				cut = true
				_, _ = io.CopyN(io.Discard, r.Body, large/2)
				panic(http.ErrAbortHandler)
			})
			blob, opened := opening(bytes.Repeat([]byte("x"), large))
			want := int64(2)
			switch method {
			case http.MethodPatch:
				blob.Size = -1
			case http.MethodPost:
				want = 1
			}
			check(t, f.target(t, payloadtest.Client(t), "/a/b:c").Put(context.Background(), blob))
			if !cut || opened.Load() != want {
				t.Errorf("the content was opened %d times, want %d", opened.Load(), want)
			}
		})
	}
}

// TestServerErrors answers each part of a push once with an error that may pass, and with a session that the registry
// forgot.
func TestServerErrors(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable,
		http.StatusTooManyRequests,
		http.StatusNotFound} {
		for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut} {
			if status == http.StatusNotFound && (method == http.MethodHead || method == http.MethodPost) {
				continue // these answers say something else
			}
			f := newFront(t)
			failed := false
			f.fail(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != method || failed || strings.Contains(r.URL.Path, "/manifests/") {
					return false
				}
				failed = true
				w.WriteHeader(status)
				if status == http.StatusNotFound {
					_, _ = io.WriteString(w, `{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`)
				}
				return true
			})
			blob := unsized()
			blob.New = false
			if err := f.target(t, payloadtest.Client(t), "/a/b:c").Put(context.Background(),
				blob); err != nil || !failed {
				t.Errorf("%s answered %d: %v", method, status, err)
			}
		}
	}
}

// TestPauses answers 429, and a failure, with a pause that the registry wants: it gets it.
func TestPauses(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		f := newFront(t)
		failed := false
		f.fail(func(w http.ResponseWriter, _ *http.Request) bool {
			if failed {
				return false
			}
			failed = true
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return true
		})
		begin := time.Now()
		check(t, put(context.Background(), payloadtest.Client(t), f.host+"/a/b:c"))
		if took := time.Since(begin); took < time.Second {
			t.Errorf("after %d the next request came in %s", status, took)
		}
	}
}

// TestPushesThatHang lets each request of a push hang: it ends with its context, within five seconds on a busy machine.
func TestPushesThatHang(t *testing.T) {
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut} {
		f := newFront(t)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		f.fail(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == method {
				cancel()
				<-ended
			}
			return r.Method == method
		})
		blob, _ := opening(bytes.Repeat([]byte("x"), large))
		blob.New = false
		begin := time.Now()
		err := f.target(t, payloadtest.Client(t), "/a/b:c").Put(ctx, blob)
		if took := time.Since(begin); !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Interrupted ||
			took > 5*time.Second {
			t.Errorf("%s: after %s: %v", method, took, err)
		}
		close(ended)
	}
}

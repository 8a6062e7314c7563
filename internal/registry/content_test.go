package registry_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestDigestsThatAreWrong answers that something else was stored than what was sent.
func TestDigestsThatAreWrong(t *testing.T) {
	f := newFront(t)
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			w.WriteHeader(http.StatusCreated)
		}
		return r.Method == http.MethodPut
	})
	target := f.target(t, payloadtest.Client(t), "/a/b:c")
	if err := target.Put(context.Background(),
		registry.Bytes([]byte("x"), "")); fault.KindOf(err) != fault.Publish {
		t.Errorf("Put: %v", err)
	}
	if _, err := target.Commit(context.Background(),
		[]byte(`{"schemaVersion":2}`)); fault.KindOf(err) != fault.Publish {
		t.Errorf("Commit: %v", err)
	}
}

// TestDigestsThatAreNone puts blobs that nothing can be compared with.
func TestDigestsThatAreNone(t *testing.T) {
	f := newFront(t)
	for _, sum := range []digest.Digest{"", "sha256:../../x", "sha256:00",
		"md5:d41d8cd98f00b204e9800998ecf8427e", "x"} {
		blob := registry.Bytes(nil, "")
		blob.Digest = sum
		if err := f.target(t, payloadtest.Client(t), "/a/b:c").Put(context.Background(),
			blob); fault.KindOf(err) != fault.Publish {
			t.Errorf("%q: %v", sum, err)
		}
	}
	if counts := f.count(); len(counts) > 0 {
		t.Errorf("requests %v, want none", counts)
	}
}

// TestContentThatIsSomethingElse sends content that does not have its digest: the registry never gets the whole of it.
func TestContentThatIsSomethingElse(t *testing.T) {
	for description, change := range map[string]func(*registry.Blob){
		"size known":   func(*registry.Blob) {},
		"size unknown": func(b *registry.Blob) { b.Size = -1 },
		"too long":     func(b *registry.Blob) { b.Size-- },
		"too short":    func(b *registry.Blob) { b.Size++ },
	} {
		t.Run(description, func(t *testing.T) {
			f := newFront(t)
			var whole atomic.Bool
			f.fail(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut || r.Method == http.MethodPatch {
					_, err := io.Copy(io.Discard, r.Body)
					whole.CompareAndSwap(false, err == nil)
				}
				return false
			})
			blob, _ := opening([]byte("something"))
			blob.Digest = registry.Bytes([]byte("another"), "").Digest
			change(&blob)
			err := f.target(t, payloadtest.Client(t), "/a/b:c").Put(context.Background(), blob)
			if err == nil || !strings.Contains(err.Error(), "tampered") || whole.Load() {
				t.Errorf("whole: %t: %v", whole.Load(), err)
			}
		})
	}
}

// TestAnswersWithoutEnd answers failures, and a token service, with megabytes.
func TestAnswersWithoutEnd(t *testing.T) {
	f := newFront(t)
	written := atomic.Int64{}
	f.fail(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadRequest)
		for range 1 << 10 {
			n, err := w.Write(bytes.Repeat([]byte("\x1b"), 64<<10))
			if written.Add(int64(n)); err != nil {
				return true
			}
		}
		return true
	})
	err := put(context.Background(), payloadtest.Client(t), f.host+"/a/b:c")
	if fault.KindOf(err) != fault.Publish || len(err.Error()) > 4<<10 || written.Load() > 16<<20 {
		t.Errorf("%d bytes were written; the error: %.300v", written.Load(), err)
	}
}

// TestLayersOfOtherContent changes one byte of a layer the first time it is read, whichever it is: what a reader says
// of that is no reason to give up.
func TestLayersOfOtherContent(t *testing.T) {
	f := newFront(t)
	client := payloadtest.Client(t)
	image := f.image(t, client)
	var data bytes.Buffer
	check(t, image.Blob(t.Context(), image.Layers[0], func(r io.Reader) error {
		_, err := data.ReadFrom(r)
		return err
	}))
	for at := range data.Len() {
		requests := 0
		f.fail(func(w http.ResponseWriter, _ *http.Request) bool {
			requests++
			if requests == 1 {
				other := bytes.Clone(data.Bytes())
				other[at] ^= 1
				_, _ = w.Write(other)
			}
			return requests == 1
		})
		var names []string
		err := image.Layer(t.Context(), image.Layers[0], 1<<20, func(r io.Reader) error {
			names = nil
			for archive := tar.NewReader(r); ; {
				header, err := archive.Next()
				if err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				names = append(names, header.Name)
			}
		})
		if err != nil || requests != 2 || !slices.Equal(names, []string{"a"}) {
			t.Fatalf("byte %d of %d: %d requests, files %q: %v", at, data.Len(), requests, names, err)
		}
	}
	f.fail(nil)
	reads, refusal := 0, errors.New("not what I like")
	err := image.Layer(t.Context(), image.Layers[0], 1<<20, func(io.Reader) error {
		reads++
		return refusal
	})
	if reads != 1 || !errors.Is(err, refusal) || errors.Is(err, registry.ErrTampered) {
		t.Errorf("a reader that does not like the content was asked %d times: %v", reads, err)
	}
}

// TestLocations names the place of an upload in all the ways there are.
func TestLocations(t *testing.T) {
	for location, ok := range map[string]bool{
		"/v2/a/b/blobs/uploads/ID?state=x%2By&digest=old": true, "ID": true, "?id=ID": true, "": false,
		"ftp://x/y":          false,
		"file:///etc/passwd": false, "http://%zz": false,
	} {
		r := payloadtest.NewRegistry(t)
		var query string
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			switch request.Method {
			case http.MethodPost:
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(http.StatusAccepted)
			case http.MethodPut:
				query = request.URL.Query().Encode()
				w.WriteHeader(http.StatusCreated)
			}
			return true
		})
		err := put(context.Background(), payloadtest.Client(t), r.Host+"/a/b:c")
		if (err == nil) != ok || ok && !strings.Contains(query, "digest=sha256") || strings.Contains(query, "old") ||
			fault.KindOf(err) != fault.Publish && !ok {
			t.Errorf("Location %q: query %q, %v", location, query, err)
		}
		if strings.Contains(location, "state") && !strings.Contains(query, "state=x%2By") {
			t.Errorf("Location %q: query %q lost the state", location, query)
		}
	}
}

// zeros is content that is made while it is read.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestBlobsAreStreamed sends much more than may be kept in memory, with its size known and unknown.
func TestBlobsAreStreamed(t *testing.T) {
	const size = 128 << 20
	sum, err := digest.FromReader(io.LimitReader(zeros{}, size))
	check(t, err)
	r := payloadtest.NewRegistry(t)
	var got int64
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		n, _ := io.Copy(io.Discard, request.Body)
		got += n
		w.Header().Set("Location", "/v2/a/b/blobs/uploads/1")
		if request.Method == http.MethodPut {
			w.WriteHeader(http.StatusCreated)
			return true
		}
		w.WriteHeader(http.StatusAccepted)
		return true
	})
	for _, known := range []int64{size, -1} {
		got = 0
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		check(t, putBlob(context.Background(), payloadtest.Client(t), r.Host+"/a/b:c",
			registry.Blob{Digest: sum, Size: known, New: true,
				Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }}))
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; got != size || allocated > 8<<20 {
			t.Errorf("size %d: %d bytes were sent, %d allocated for it", known, got, allocated)
		}
	}
}

// TestManifestsOfAllTypes pushes what a registry is told the type of, under a tag and by digest.
func TestManifestsOfAllTypes(t *testing.T) {
	for _, mediaType := range []string{"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json",
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"} {
		r := payloadtest.NewRegistry(t)
		got := map[string]string{}
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			got[request.URL.Path] = request.Header.Get("Content-Type")
			w.WriteHeader(http.StatusCreated)
			return true
		})
		data, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaType})
		check(t, err)
		for _, ref := range []string{"/a/b:c", "/a/b"} {
			target, err := payloadtest.Client(t).Target(r.Host + ref)
			check(t, err)
			_, err = target.Commit(context.Background(), data)
			check(t, err)
		}
		sum := registry.Bytes(data, "").Digest.String()
		want := map[string]string{"/v2/a/b/manifests/c": mediaType, "/v2/a/b/manifests/" + sum: mediaType}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
}

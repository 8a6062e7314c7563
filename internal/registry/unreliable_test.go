package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// impatient is a client that soon tries again, and soon gives up on a silent registry.
func impatient(t *testing.T, patience time.Duration) *registry.Client {
	t.Helper()
	client, err := registry.New(registry.Options{Insecure: true, Platform: "linux/amd64", Delay: time.Millisecond,
		Patience: patience})
	check(t, err)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

// noise is content that does not compress.
func noise(n int) string {
	data := make([]byte, n)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(data)
	return string(data)
}

// TestUnreliableRegistry copies an image from and to a registry that fails every third request, in all ways: it is
// copied, and where it is not the tag does not exist.
func TestUnreliableRegistry(t *testing.T) {
	const runs = 40
	f := newFront(t)
	ref, err := name.NewTag(f.host+"/a/b:c", name.Insecure)
	check(t, err)
	made := payloadtest.Image{Created: when,
		Layers: []map[string]string{{"a": noise(300_000)}, {"b": noise(200_000)}, {"c": "3"}}}.Build(t)
	check(t, remote.Write(ref, made))
	want, err := made.Digest()
	check(t, err)
	reliable := payloadtest.Client(t)
	ways := map[string]int{}
	good := 0
	for run := range uint64(runs) {
		to := fmt.Sprintf("%s/copy%d/x:new", f.host, run)
		unreliable := payloadtest.NewUnreliable(f.next, run, 0.3)
		f.fail(unreliable.Fail)
		err := copyImage(t.Context(), impatient(t, time.Second/4), ref.String(), to)
		f.fail(nil)
		for way, n := range unreliable.Failed() {
			ways[way] += n
		}
		image, got := reliable.Image(t.Context(), to)
		switch {
		case err == nil && got == nil && image.Digest.String() == want.String():
			good++
			_, err := read(t.Context(), image)
			check(t, err)
		case err == nil || got == nil && image.Digest.String() != want.String():
			t.Errorf("run %d: copying: %v; what is there: %v", run, err, got)
		default:
			t.Logf("run %d: %v", run, err)
		}
	}
	t.Logf("%d of %d runs were good; failures: %v", good, runs, ways)
	if good < runs*95/100 || len(ways) < 8 {
		t.Errorf("%d of %d runs were good, failures: %v", good, runs, ways)
	}
}

// copyImage copies an image without mounting anything.
func copyImage(ctx context.Context, client *registry.Client, from, to string) error {
	manifest, open, err := client.Raw(ctx, from)
	if err != nil {
		return err
	}
	target, err := client.Target(to)
	if err != nil {
		return err
	}
	var blobs []registry.Blob
	for _, info := range manifest.Blobs {
		blob := open(info)
		blob.New = true
		blobs = append(blobs, blob)
	}
	if err := target.PutAll(ctx, blobs); err != nil {
		return err
	}
	sum, err := target.Commit(ctx, manifest.Data)
	if err != nil {
		return err
	}
	return target.Verify(ctx, sum)
}

// TestReadingFails copies from a registry that lacks a blob, or has another one in its place, to one that is well: the
// fault is not that of the place that is written to.
func TestReadingFails(t *testing.T) {
	from, to := payloadtest.NewRegistry(t), payloadtest.NewRegistry(t)
	image := some(nil).Build(t)
	spec := from.Push(t, "a/b", "c", image)
	for _, status := range []int{0, http.StatusNotFound, http.StatusForbidden,
		http.StatusInternalServerError, http.StatusOK} {
		from.Fail(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				return false
			}
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "nonsense")
			return true
		})
		err := copyImage(t.Context(), impatient(t, time.Second), spec, to.Host+"/x/y:z")
		if err == nil || fault.KindOf(err) == fault.Publish ||
			!strings.Contains(err.Error(), `reading "`+from.Host) || strings.Contains(err.Error(), to.Host) {
			t.Errorf("answer %d: kind %d, %v", status, fault.KindOf(err), err)
		}
	}
}

// TestBlobsAreReadOn cuts the connection again and again while a layer is read: nothing is sent twice, except where the
// registry sends all of it whatever it is asked for.
func TestBlobsAreReadOn(t *testing.T) {
	const part = 300_000
	content := noise(2_000_000)
	for _, ranges := range []bool{true, false} {
		t.Run(fmt.Sprintf("ranges %t", ranges), func(t *testing.T) {
			r := payloadtest.NewRegistry(t)
			spec := r.Push(t, "a/b", "c", payloadtest.Image{Created: when,
				Layers: []map[string]string{{"a": content}}}.Build(t))
			image, err := impatient(t, time.Second).Image(t.Context(), spec)
			check(t, err)
			var layer bytes.Buffer
			check(t, image.BlobOf(image.Layers[0]).Copy(t.Context(), &layer))
			var answers, sent atomic.Int64
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if !strings.HasSuffix(request.URL.Path, image.Layers[0].Digest.String()) {
					return false
				}
				answer := answers.Add(1)
				left := part
				if !ranges {
					request.Header.Del("Range")
					left = part * int(answer)
				}
				http.ServeContent(&cutter{w, left, &sent}, request, "", time.Time{}, bytes.NewReader(layer.Bytes()))
				return true
			})
			got, err := read(t.Context(), image)
			check(t, err)
			if !strings.Contains(got, content) || answers.Load() != 7 || ranges && sent.Load() != int64(layer.Len()) {
				t.Errorf("%d answers, %d bytes were sent of a layer of %d", answers.Load(), sent.Load(), layer.Len())
			}
		})
	}
}

// cutter breaks the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
	sent *atomic.Int64 // counts what was written, before anybody can have read it
}

// Write implements io.Writer.
func (c *cutter) Write(p []byte) (int, error) {
	c.sent.Add(int64(min(len(p), c.left)))
	n, _ := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 && n < len(p) {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// TestSilence reads from and writes to registries that say nothing, at each point at which one can: it ends soon, and
// the error says who was waited for. One that is slow but goes on is waited for.
func TestSilence(t *testing.T) {
	for _, test := range []struct {
		description string
		silent      func(r *http.Request) bool // before the answer
		trickle     string                     // part of the path of answers that come a byte at a time
	}{
		{"manifest", func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }, ""},
		{"blob", func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/blobs/sha256") }, ""},
		{"upload", func(r *http.Request) bool { return r.Method == http.MethodPost }, ""},
		{"end of an upload", func(r *http.Request) bool { return r.Method == http.MethodPut }, ""},
		{"bytes of a manifest", nil, "/manifests/"},
		{"bytes of a blob", nil, "/blobs/sha256"},
	} {
		t.Run(test.description, func(t *testing.T) {
			t.Parallel()
			r := payloadtest.NewRegistry(t)
			r.Push(t, "a/b", "c", some(nil).Build(t))
			var notices atomic.Int64
			client, err := registry.New(
				registry.Options{Insecure: true, Platform: "linux/amd64", Delay: time.Millisecond,
					Patience: 300 * time.Millisecond,
					Notice: func(text string) {
						if strings.Contains(text, r.Host) {
							notices.Add(1)
						}
					}},
			)
			check(t, err)
			defer client.Close()
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if test.silent != nil && test.silent(request) {
					_, _ = io.Copy(io.Discard, request.Body) // else the server does not see that the client has gone
					<-request.Context().Done()
					return true
				}
				if test.trickle == "" || !strings.Contains(request.URL.Path, test.trickle) ||
					request.Method != http.MethodGet {
					return false
				}
				for request.Context().Err() == nil {
					_, _ = io.WriteString(w, " ")
					_ = http.NewResponseController(w).Flush()
					time.Sleep(20 * time.Millisecond)
				}
				return true
			})
			begun := time.Now()
			err = copyImage(t.Context(), client, r.Host+"/a/b:c", r.Host+"/x/y:z")
			if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), r.Host+" has sent nothing") ||
				took > 10*time.Second {
				t.Errorf("after %s: %v", took, err)
			}
			if test.silent != nil && notices.Load() == 0 {
				t.Error("nothing was said")
			}
		})
	}
}

// TestSlowButSteady reads from a registry that takes long, and goes on; and hands what comes to a reader that takes
// longer than the registry may.
func TestSlowButSteady(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", payloadtest.Image{Created: when,
		Layers: []map[string]string{{"a": noise(2_000_000)}}}.Build(t))
	image, err := impatient(t, 400*time.Millisecond).Image(t.Context(), spec)
	check(t, err)
	var layer bytes.Buffer
	check(t, image.BlobOf(image.Layers[0]).Copy(t.Context(), &layer))
	var answers atomic.Int64
	r.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
		answers.Add(1)
		for part := range slices.Chunk(layer.Bytes(), 200_000) {
			_, _ = w.Write(part)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
		return true
	})
	check(t, image.Blob(t.Context(), image.Layers[0], func(stream io.Reader) error {
		time.Sleep(time.Second)
		_, err := io.Copy(io.Discard, stream)
		return err
	}))
	if answers.Load() != 1 {
		t.Errorf("the layer was asked for %d times", answers.Load())
	}
}

// TestSilentCredentialHelper names a credential helper that does not answer.
func TestSilentCredentialHelper(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	r.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	directory := t.TempDir()
	check(t, os.WriteFile(directory+"/docker-credential-mute", []byte("#!/bin/sh\nexec sleep 5\n"), 0o700))
	check(t, writeFile(directory+"/auth.json", `{"credHelpers":{"`+r.Host+`":"mute"}}`))
	t.Setenv("PATH", directory+":"+os.Getenv("PATH"))
	client, err := registry.New(
		registry.Options{Insecure: true, AuthFile: directory + "/auth.json", Patience: 100 * time.Millisecond,
			Delay: time.Millisecond})
	check(t, err)
	defer client.Close()
	_, err = client.Image(t.Context(), r.Host+"/a/b:c")
	if err == nil || !strings.Contains(err.Error(), "credential helper") {
		t.Errorf("Image: %v", err)
	}
}

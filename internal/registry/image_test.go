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

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

var when = time.Date(2023, 1, 12, 18, 29, 52, 0, time.UTC)

func some(labels map[string]string) payloadtest.Image {
	return payloadtest.Image{Created: when, Labels: labels,
		Layers: []map[string]string{{"etc/os-release": "base"}, {"bin/x": "binary"}}}
}

func read(ctx context.Context, image *registry.Image) (string, error) {
	var text bytes.Buffer
	err := image.Layer(ctx, image.Layers[len(image.Layers)-1], registry.MaxLayer, func(r io.Reader) error {
		text.Reset()
		_, err := text.ReadFrom(r)
		return err
	})
	return text.String(), err
}

func TestImage(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(map[string]string{"k": "v"}).Build(t))
	client := payloadtest.Client(t)
	for _, ref := range []string{spec, r.Host + "/a/b:c"} {
		image, err := client.Image(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if image.PullSpec() != spec || image.Config.Config.Labels["k"] != "v" || !image.Config.Created.Equal(when) ||
			len(image.Layers) != 2 {
			t.Errorf("Image(%q) = %+v", ref, image)
		}
		if text, err := read(context.Background(), image); err != nil || !strings.Contains(text, "binary") {
			t.Errorf("its layer: %q, %v", text, err)
		}
	}
}

func TestManifestList(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	amd, arm := some(map[string]string{"arch": "amd64"}).Build(t), some(map[string]string{"arch": "arm64"}).Build(t)
	spec := r.PushIndex(t, "a/b", "list", map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm})
	client := payloadtest.Client(t)
	image, err := client.Image(context.Background(), r.Host+"/a/b:list")
	if err != nil {
		t.Fatal(err)
	}
	if image.PullSpec() != spec || image.Config.Config.Labels["arch"] != "amd64" || len(image.List) != 2 {
		t.Errorf("Image = %s for %s of %v, want %s for linux/amd64", image.PullSpec(),
			image.Config.Config.Labels["arch"], image.List, spec)
	}
	other := payloadtest.ClientFor(t, "linux/arm64")
	if image, err = other.Image(context.Background(), spec); err != nil ||
		image.Config.Config.Labels["arch"] != "arm64" {
		t.Errorf("for linux/arm64: %v, %v", image, err)
	}
	none := payloadtest.ClientFor(t, "linux/s390x")
	if _, err = none.Image(context.Background(), spec); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
		t.Errorf("for linux/s390x: %v", err)
	}
	single := r.PushIndex(t, "a/b", "single", map[string]v1.Image{"linux/amd64": amd})
	if image, err = none.Image(context.Background(), single); err != nil ||
		image.Config.Config.Labels["arch"] != "amd64" {
		t.Errorf("a list of one image: %v, %v", image, err)
	}
}

// TestAnotherPlatform asks for a platform that an image, or a list of one image, is not for.
func TestAnotherPlatform(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	image := some(nil).Build(t)
	single := r.Push(t, "a/b", "c", image)
	list := r.PushIndex(t, "a/b", "list", map[string]v1.Image{"linux/amd64": image})
	for platform, ok := range map[string]bool{"": true, "linux/amd64": true, "linux/arm64": false, "linux/s390x": false,
		"windows/amd64": false} {
		client := payloadtest.ClientFor(t, platform)
		for _, spec := range []string{single, list} {
			image, err := client.Image(t.Context(), spec)
			if err == nil {
				err = image.CheckPlatform()
			}
			if (err == nil) != ok || !ok && (fault.KindOf(err) != fault.Unresolved ||
				!strings.Contains(err.Error(), "linux/amd64")) {
				t.Errorf("%s for %q: %v", spec, platform, err)
			}
		}
	}
}

// TestLies serves content that does not match the digest it is asked for by.
func TestLies(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	for _, test := range []struct{ description, path string }{{"a manifest", "/manifests/"}, {"a blob", "/blobs/"}} {
		t.Run(test.description, func(t *testing.T) {
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if !strings.Contains(request.URL.Path, test.path) {
					return false
				}
				w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
				_, _ = io.WriteString(w, `{"schemaVersion":2,"config":{},"layers":[]}`)
				return true
			})
			if _, err := payloadtest.Client(t).Image(context.Background(), spec); err == nil ||
				!strings.Contains(err.Error(), "tampered") {
				t.Errorf("Image: %v", err)
			}
		})
	}
}

// TestTransientFailures makes every kind of request fail once, in several ways: the answer is the same.
func TestTransientFailures(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	failures := map[string]func(w http.ResponseWriter){
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"503": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"half": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		},
	}
	for name, fail := range failures {
		for nth := range int64(4) {
			var count atomic.Int64
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if count.Add(1) != nth+1 {
					return false
				}
				if request.URL.Path == "/v2/" && name == "500" ||
					name == "half" && !strings.Contains(request.URL.Path, "/blobs/") {
					return false
				}
				fail(w)
				return true
			})
			image, err := payloadtest.Client(t).Image(context.Background(), spec)
			if err == nil {
				_, err = read(context.Background(), image)
			}
			if err != nil {
				t.Errorf("request %d answered %s: %v", nth+1, name, err)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	auth := t.TempDir() + "/auth.json"
	check(t, writeFile(auth, `{"auths":{}}`))
	client, err := registry.New(registry.Options{Insecure: true, AuthFile: auth})
	check(t, err)
	defer client.Close()
	for status, want := range map[int]fault.Kind{401: fault.Unauthorized, 403: fault.Unauthorized,
		404: fault.Unresolved} {
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			if request.URL.Path == "/v2/" {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		_, err := client.Image(context.Background(), spec)
		if fault.KindOf(err) != want {
			t.Errorf("on %d: kind %d, want %d: %v", status, fault.KindOf(err), want, err)
		}
		for _, part := range []string{r.Host, "repository a/b", "reading image"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("on %d the error does not say %q: %v", status, part, err)
			}
		}
		if want == fault.Unauthorized && !strings.Contains(fault.AdviceOf(err), auth) {
			t.Errorf("on %d the advice does not name the auth file: %q", status, fault.AdviceOf(err))
		}
	}
	if err := client.Explain(context.Canceled, "reading", spec); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted call: %v", err)
	}
}

// TestThrottledUpload answers the first requests of a push with 429: it waits and goes on.
func TestThrottledUpload(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	var count atomic.Int64
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method == http.MethodGet || request.Method == http.MethodHead || count.Add(1)%2 == 0 ||
			count.Load() > 6 {
			return false
		}
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	target, err := payloadtest.Client(t).Target(r.Host + "/a/b:c")
	check(t, err)
	if err := target.Put(context.Background(),
		registry.Bytes([]byte("content"), "application/octet-stream")); err != nil {
		t.Errorf("Put: %v", err)
	}
	if count.Load() < 3 {
		t.Errorf("only %d requests were throttled", count.Load())
	}
}

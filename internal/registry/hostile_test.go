package registry_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// thief is a server on another host name that takes uploads, and remembers the credentials that it was sent.
type thief struct {
	url string // on localhost: redirects within 127.0.0.1 keep credentials whatever the port

	mu       sync.Mutex
	requests int
	headers  []string
}

func newThief(t *testing.T) *thief {
	t.Helper()
	h := &thief{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return h
}

// ServeHTTP implements http.Handler: it answers as a registry that takes an upload.
func (h *thief) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	if header := r.Header.Get("Authorization"); header != "" {
		h.headers = append(h.headers, r.Method+" "+header)
	}
	w.Header().Set("Location", h.url+"/v2/a/b/blobs/uploads/1")
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// withPassword makes a registry want basic credentials, and returns a client that has them. Requests that come with them go to next.
func withPassword(t *testing.T, r *payloadtest.Registry, next func(w http.ResponseWriter, request *http.Request) bool) *registry.Client {
	t.Helper()
	credentials := base64.StdEncoding.EncodeToString([]byte("canary:secret"))
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Header.Get("Authorization") != "Basic "+credentials {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return next(w, request)
	})
	auth := t.TempDir() + "/auth.json"
	check(t, writeFile(auth, `{"auths":{"`+r.Host+`":{"auth":"`+credentials+`"}}}`))
	client, err := registry.New(registry.Options{Insecure: true, AuthFile: auth, Delay: time.Millisecond})
	check(t, err)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

func put(ctx context.Context, client *registry.Client, ref string) error {
	target, err := client.Target(ctx, ref)
	if err != nil {
		return err
	}
	defer target.Close()
	return target.Put(ctx, registry.Bytes([]byte("content"), "application/octet-stream", false))
}

// TestUploadsThatAreSentElsewhere lets a registry send the parts of an upload to another host. It is not an error, and a request that is
// redirected does not take the credentials along. What image/v5 sends next, to the location that the other host answered, has them: the
// registry chose that place.
func TestUploadsThatAreSentElsewhere(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut} {
		t.Run(method, func(t *testing.T) {
			r, other := payloadtest.NewRegistry(t), newThief(t)
			client := withPassword(t, r, func(w http.ResponseWriter, request *http.Request) bool {
				if request.Method != method {
					return false
				}
				w.Header().Set("Location", other.url+"/v2/a/b/blobs/uploads/1")
				w.WriteHeader(http.StatusTemporaryRedirect)
				return true
			})
			err := put(context.Background(), client, r.Host+"/a/b:c")
			if err != nil && (fault.KindOf(err) != fault.Publish || strings.Contains(err.Error(), "secret")) {
				t.Errorf("kind %d: %v", fault.KindOf(err), err)
			}
			if other.requests == 0 {
				t.Error("the upload was not sent to the other host")
			}
			for _, header := range other.headers {
				if strings.HasPrefix(header, method+" ") {
					t.Errorf("the redirected request has the credentials: %q", header)
				}
			}
		})
	}
}

// TestMountsThatAreLies makes a registry answer that it mounted blobs, and not do it: no tag names an image that lacks them.
func TestMountsThatAreLies(t *testing.T) {
	server, err := playground.NewRegistry(t.TempDir()) // keeps the blobs of each repository apart, and checks manifests
	check(t, err)
	defer server.Close()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Host})
	mounts := 0
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost && request.URL.Query().Has("mount") {
			mounts++
			w.WriteHeader(http.StatusCreated)
			return
		}
		proxy.ServeHTTP(w, request)
	}))
	defer liar.Close()
	host := strings.TrimPrefix(liar.URL, "http://")
	ref, err := name.NewTag(host+"/from/here:latest", name.Insecure)
	check(t, err)
	check(t, remote.Write(ref, payloadtest.Image{Created: when, Layers: []map[string]string{{"bin/x": "binary"}}}.Build(t)))
	client := payloadtest.Client(t)
	image, err := client.Image(context.Background(), ref.String())
	check(t, err)
	target, err := client.Target(context.Background(), host+"/to/there:latest")
	check(t, err)
	defer target.Close()
	manifest, err := image.Send(context.Background(), target, false)
	if err == nil {
		_, err = target.Commit(context.Background(), manifest)
	}
	if fault.KindOf(err) != fault.Publish || mounts == 0 {
		t.Errorf("after %d mounts: kind %d: %v", mounts, fault.KindOf(err), err)
	}
	if _, err := client.Image(context.Background(), host+"/to/there:latest"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("the tag exists: %v", err)
	}
}

// TestRetryAfter makes a registry ask for pauses of years: nobody waits when the context ends, and a push does not wait for them at all.
func TestRetryAfter(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	for _, seconds := range []string{"1000000000", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			if request.URL.Path == "/v2/" || request.Method == http.MethodPost {
				return false
			}
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		})
		client := payloadtest.Client(t)
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		begin := time.Now()
		if _, err := client.Image(ctx, spec); err == nil || ctx.Err() == nil {
			t.Errorf("Retry-After %s: reading ended before the context, with %v", seconds, err)
		}
		cancel()
		// The content of an upload is not repeated by image/v5, and the client's own pauses are bounded.
		ctx, cancel = context.WithTimeout(context.Background(), 10*time.Second)
		if err := put(ctx, client, r.Host+"/a/b:d"); fault.KindOf(err) != fault.Publish || ctx.Err() != nil {
			t.Errorf("Retry-After %s: pushing: %v, %v", seconds, err, ctx.Err())
		}
		cancel()
		if took := time.Since(begin); took > 8*time.Second {
			t.Errorf("Retry-After %s: it took %s", seconds, took)
		}
	}
}

// TestCredentialHelperThatIsAPath names a program below the working directory in place of a credential helper: it must not run.
func TestCredentialHelperThatIsAPath(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	directory := t.TempDir()
	check(t, os.MkdirAll(directory+"/bin", 0o700))
	check(t, os.MkdirAll(directory+"/docker-credential-..", 0o700)) // what makes docker-credential-../../bin/sh a path that exists
	check(t, os.WriteFile(directory+"/bin/sh", []byte("#!/bin/sh\ntouch '"+directory+"/ran'\n"), 0o700))
	auth := directory + "/auth.json"
	check(t, writeFile(auth, `{"credHelpers":{"`+r.Host+`":"../../bin/sh"}}`))
	t.Chdir(directory)
	client, err := registry.New(registry.Options{Insecure: true, AuthFile: auth})
	if err == nil {
		_, err = client.Image(context.Background(), r.Host+"/a/b:c")
		check(t, client.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "../../bin/sh") {
		t.Errorf("the error does not name the helper: %v", err)
	}
	if _, err := os.Stat(directory + "/ran"); err == nil {
		t.Error("the program ran")
	}
}

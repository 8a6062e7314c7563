package registry_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// thief is a server on another host name that takes uploads, and remembers what it was sent, and with which
// credentials.
type thief struct {
	url  string // on localhost, which net/http takes for another host than 127.0.0.1
	port string // the same server on 127.0.0.1: only the port is another

	mu       sync.Mutex
	requests int
	headers  []string
	content  string
}

func newThief(t *testing.T) *thief {
	t.Helper()
	h := &thief{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url, h.port = strings.Replace(server.URL, "127.0.0.1", "localhost", 1), server.URL
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
	content, _ := io.ReadAll(r.Body)
	h.content += string(content)
	w.Header().Set("Location", h.url+"/v2/a/b/blobs/uploads/1")
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// withPassword makes a registry want basic credentials, and returns a client that has them. Requests that come with
// them go to next.
func withPassword(t *testing.T, r *payloadtest.Registry,
	next func(w http.ResponseWriter, request *http.Request) bool) *registry.Client {
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
	return putBlob(ctx, client, ref, registry.Bytes([]byte("content"), "application/octet-stream"))
}

func putBlob(ctx context.Context, client *registry.Client, ref string, blob registry.Blob) error {
	target, err := client.Target(ref)
	if err != nil {
		return err
	}
	return target.Put(ctx, blob)
}

// unsized is the blob of put, with nobody knowing how long it is: it is sent in parts.
func unsized() registry.Blob {
	blob := registry.Bytes([]byte("content"), "application/octet-stream")
	blob.Size = -1
	return blob
}

// TestUploadsThatAreSentElsewhere lets a registry send the parts of an upload to another host, or to another port of
// its own. The content goes there, since the registry may keep it where it likes, and the credentials do not.
func TestUploadsThatAreSentElsewhere(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut} {
		for _, status := range []int{http.StatusAccepted, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			for _, otherPort := range []bool{false, true} {
				if method == http.MethodPut && status == http.StatusAccepted {
					continue // the answer that ends an upload sends nowhere
				}
				t.Run(fmt.Sprintf("%s %d %t", method, status, otherPort), func(t *testing.T) {
					r, other := payloadtest.NewRegistry(t), newThief(t)
					place := other.url
					if otherPort {
						place = other.port
					}
					client := withPassword(t, r, func(w http.ResponseWriter, request *http.Request) bool {
						if request.Method != method {
							return false
						}
						w.Header().Set("Location", place+"/v2/a/b/blobs/uploads/1")
						w.WriteHeader(status)
						return true
					})
					blob := unsized()
					if method == http.MethodPut {
						blob.Size = int64(len("content"))
					}
					check(t, putBlob(context.Background(), client, r.Host+"/a/b:c", blob))
					if other.requests == 0 || method != http.MethodPatch && other.content != "content" {
						t.Errorf("the other host got %d requests with the content %q", other.requests, other.content)
					}
					if len(other.headers) > 0 {
						t.Errorf("the other host got the credentials: %q", other.headers)
					}
				})
			}
		}
	}
}

// TestUploadsThatAreRefusedElsewhere sends an upload to a host that wants credentials, or a token from a service of its
// own, or is not there: it gets none, and nobody is told to log in. What the address of the upload says besides its
// place is not shown.
func TestUploadsThatAreRefusedElsewhere(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	var headers []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		headers = append(headers, request.Header.Values("Authorization")...)
		if request.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"token":"x"}`)
			return
		}
		w.Header().Set("WWW-Authenticate", request.URL.Query().Get("want"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	for _, place := range []string{other.URL + "/upload?signature=canary&want=Basic",
		"http://127.0.0.1:1/upload?signature=canary",
		other.URL + "/upload?signature=canary&want=" + url.QueryEscape(`Bearer realm="`+other.URL+`/token"`)} {
		for _, status := range []int{http.StatusAccepted, http.StatusTemporaryRedirect} {
			client := withPassword(t, r, func(w http.ResponseWriter, request *http.Request) bool {
				w.Header().Set("Location", place)
				w.WriteHeader(status)
				return true
			})
			err := put(context.Background(), client, r.Host+"/a/b:c")
			if fault.KindOf(err) != fault.Publish || fault.AdviceOf(err) != "" ||
				strings.Contains(err.Error(), "canary") {
				t.Errorf("%s on %d: kind %d, advice %q: %v", place, status, fault.KindOf(err), fault.AdviceOf(err), err)
			}
		}
	}
	if len(headers) > 0 {
		t.Errorf("the other host got the credentials: %q", headers)
	}
}

// TestMountsThatAreLies makes a registry answer that it mounted blobs, and not do it: no tag names an image that lacks
// them.
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
	check(t, remote.Write(ref, payloadtest.Image{Created: when,
		Layers: []map[string]string{{"bin/x": "binary"}}}.Build(t)))
	client := payloadtest.Client(t)
	image, err := client.Image(context.Background(), ref.String())
	check(t, err)
	target, err := client.Target(host + "/to/there:latest")
	check(t, err)
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

// TestRetryAfter makes a registry ask for pauses of years and of an hour: nobody waits for them, and the error says
// what the registry wants.
func TestRetryAfter(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	for _, seconds := range []string{"3000", "1000000000", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			if request.URL.Path == "/v2/" {
				return false
			}
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		})
		client := payloadtest.Client(t)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		begin := time.Now()
		if _, err := client.Image(ctx, spec); err == nil || ctx.Err() != nil ||
			!strings.Contains(err.Error(), "asks to wait") {
			t.Errorf("Retry-After %s: reading: %v, %v", seconds, err, ctx.Err())
		}
		if err := put(ctx, client, r.Host+"/a/b:d"); fault.KindOf(err) != fault.Publish || ctx.Err() != nil ||
			!strings.Contains(err.Error(), "asks to wait") {
			t.Errorf("Retry-After %s: pushing: %v, %v", seconds, err, ctx.Err())
		}
		cancel()
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("Retry-After %s: it took %s", seconds, took)
		}
	}
}

// TestCredentialHelperThatIsAPath names a program below the working directory in place of a credential helper: it must
// not run.
func TestCredentialHelperThatIsAPath(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	directory := t.TempDir()
	check(t, os.MkdirAll(directory+"/bin", 0o700))
	// what makes docker-credential-../../bin/sh a path that exists
	check(t, os.MkdirAll(directory+"/docker-credential-..", 0o700))
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

// TestSizesThatAreNone reads images whose manifests say nonsense about the size of their config and their layers, from
// a registry that sends without end: no more is read than is allowed.
func TestSizesThatAreNone(t *testing.T) {
	const sum = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, test := range []struct{ config, layer int64 }{{0, 1}, {-1, 1}, {9 << 20, 1}, {1, -1}, {1, 0}, {1 << 10, 0}} {
		r := payloadtest.NewRegistry(t)
		var sent atomic.Int64
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			switch {
			case strings.Contains(request.URL.Path, "/manifests/"):
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
					`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},`+
					`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`, sum,
					test.config, sum, test.layer)
			case strings.Contains(request.URL.Path, "/blobs/"):
				for range 64 {
					n, err := w.Write(make([]byte, 1<<20))
					if sent.Add(int64(n)); err != nil {
						return true
					}
				}
			default:
				return false
			}
			return true
		})
		if _, err := payloadtest.Client(t).Image(t.Context(), r.Host+"/a/b:c"); err == nil {
			t.Errorf("config of %d bytes, layer of %d: no error", test.config, test.layer)
		}
		if sent.Load() > 16<<20 { // what fits into buffers on the way
			t.Errorf("config of %d bytes, layer of %d: %d bytes were sent", test.config, test.layer, sent.Load())
		}
	}
}

// TestErrorsWithoutEnd lets a registry answer with errors, tokens and manifests that do not end: little of them is
// read.
func TestErrorsWithoutEnd(t *testing.T) {
	for _, path := range []string{"/manifests/", "/blobs/", "/token"} {
		for _, status := range []int{http.StatusBadRequest, http.StatusNotFound,
			http.StatusUnauthorized, http.StatusOK} {
			r := payloadtest.NewRegistry(t)
			r.Push(t, "a/b", "c", some(nil).Build(t))
			var sent atomic.Int64
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if path == "/token" && !strings.HasPrefix(request.URL.Path, path) {
					w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token"`)
					w.WriteHeader(http.StatusUnauthorized)
					return true
				}
				if !strings.Contains(request.URL.Path, path) {
					return false
				}
				w.WriteHeader(status)
				for request.Context().Err() == nil {
					n, _ := w.Write(make([]byte, 1<<16))
					sent.Add(int64(n))
				}
				return true
			})
			begun := time.Now()
			_, err := payloadtest.Client(t).Image(t.Context(), r.Host+"/a/b:c")
			if took := time.Since(begun); err == nil || took > 5*time.Second ||
				sent.Load() > 64<<20 { // with what fits into buffers, in four attempts
				t.Errorf("%s, status %d: %v after %s and %d bytes", path, status, err, took, sent.Load())
			}
		}
	}
}

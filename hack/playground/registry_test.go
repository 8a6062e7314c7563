package playground_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func registry(t *testing.T) *playground.Registry {
	t.Helper()
	r, err := playground.NewRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func push(t *testing.T, r *playground.Registry, repository string, img v1.Image, options ...remote.Option) error {
	t.Helper()
	ref, err := name.ParseReference(r.Host+"/"+repository+":latest", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return remote.Write(ref, img, options...)
}

func someImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func status(err error) int {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

func TestPushAndPull(t *testing.T) {
	r, img := registry(t), someImage(t)
	if err := push(t, r, "a/b", img); err != nil {
		t.Fatal(err)
	}
	ref, _ := name.ParseReference(r.Host+"/a/b:latest", name.Insecure)
	got, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := img.Digest()
	if digest, _ := got.Digest(); digest != want {
		t.Errorf("pulled %s, want %s", digest, want)
	}
	if lacking, err := r.Lacks("a/b", "latest"); err != nil || len(lacking) > 0 {
		t.Errorf("Lacks = %v, %v, want nothing", lacking, err)
	}
}

func TestBlobsBelongToARepository(t *testing.T) {
	r, img := registry(t), someImage(t)
	if err := push(t, r, "from", img); err != nil {
		t.Fatal(err)
	}
	layers, _ := img.Layers()
	digest, _ := layers[0].Digest()
	for path, want := range map[string]int{
		"/v2/from/blobs/" + digest.String():  http.StatusOK,
		"/v2/other/blobs/" + digest.String(): http.StatusNotFound,
	} {
		resp, err := http.Head("http://" + r.Host + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("HEAD %s = %d, want %d", path, resp.StatusCode, want)
		}
	}
	resp, err := http.Post("http://"+r.Host+"/v2/other/blobs/uploads/?from=from&mount="+digest.String(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated || r.Requests()["MOUNT"] != 1 {
		t.Errorf("mounting a blob answers %d, want 201", resp.StatusCode)
	}
}

func TestManifestsNeedTheirBlobs(t *testing.T) {
	r, img := registry(t), someImage(t)
	r.Add(playground.Rule{Method: http.MethodPut, Path: "/manifests/", Status: http.StatusServiceUnavailable})
	push(t, r, "aa", img)
	r.Reset()
	ref, _ := name.ParseReference(r.Host+"/elsewhere:latest", name.Insecure)
	manifest, _ := img.RawManifest()
	mediaType, _ := img.MediaType()
	req, _ := http.NewRequest(http.MethodPut, "http://"+r.Host+"/v2/elsewhere/manifests/"+ref.Identifier(),
		bytes.NewReader(manifest))
	req.Header.Set("Content-Type", string(mediaType))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("pushing a manifest without its blobs answers %d, want 400", resp.StatusCode)
	}
}

func TestGuards(t *testing.T) {
	tests := []struct {
		description string
		token       bool
		user        string
		want        int
	}{
		{"basic, nobody", false, "", http.StatusUnauthorized},
		{"basic, somebody else", false, "mallory", http.StatusUnauthorized},
		{"basic, the owner", false, "alice", 0},
		{"token, nobody", true, "", http.StatusUnauthorized},
		{"token, somebody else", true, "mallory", http.StatusUnauthorized},
		{"token, the owner", true, "alice", 0},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			r := registry(t)
			r.Protect(playground.Guard{Repository: "private/", User: "alice", Password: "secret", Token: test.token})
			var options []remote.Option
			if test.user != "" {
				options = append(options, remote.WithAuth(&authn.Basic{Username: test.user, Password: "secret"}))
			}
			if got := status(push(t, r, "private/x", someImage(t), options...)); got != test.want {
				t.Errorf("pushing to a private repository fails with status %d, want %d", got, test.want)
			}
			if test.user == "mallory" {
				return // a public repository is no use to those whose credentials are wrong
			}
			if err := push(t, r, "public/x", someImage(t), options...); err != nil {
				t.Errorf("pushing to a public repository: %v", err)
			}
		})
	}
}

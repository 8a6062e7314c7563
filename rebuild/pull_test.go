package rebuild_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// bigImage is an image whose layer takes long to unpack, and little to send: a file of gibibytes of zeros, in a gzip
// stream that repeats one compressed mebibyte.
func bigImage(t *testing.T, gibibytes int) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	piece := func(data []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(data)
		check(t, errors.Join(err, z.Close()))
		return b.Bytes()
	}
	var header bytes.Buffer
	check(t, tar.NewWriter(&header).WriteHeader(&tar.Header{Name: "zeros", Mode: 0o644, Size: int64(gibibytes) << 30}))
	layer.Write(piece(header.Bytes()))
	mebibyte := piece(make([]byte, 1<<20))
	for range gibibytes << 10 {
		layer.Write(mebibyte)
	}
	layer.Write(piece(make([]byte, 1024)))
	made := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.DockerConfigJSON), types.DockerManifestSchema2)
	made, err := mutate.AppendLayers(made, bigLayer{static.NewLayer(layer.Bytes(), types.DockerLayer),
		diffID(t, layer.Bytes())})
	check(t, err)
	config, err := made.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	made, err = mutate.ConfigFile(made, config)
	check(t, err)
	return made
}

// bigLayer is a compressed layer whose uncompressed digest is known.
type bigLayer struct {
	v1.Layer
	diff v1.Hash
}

func (l bigLayer) DiffID() (v1.Hash, error) { return l.diff, nil }

// diffID is the digest of a layer, uncompressed.
func diffID(t *testing.T, layer []byte) v1.Hash {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(layer))
	check(t, err)
	sum, _, err := v1.SHA256(z)
	check(t, err)
	return sum
}

// unpacking reports whether a process of ours unpacks a layer.
func unpacking(t *testing.T) bool {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	check(t, err)
	for _, list := range lists {
		pids, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(pids)) {
			name, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
			if strings.Contains(string(name), "storage-") {
				return true
			}
		}
	}
	return false
}

func TestInterruptedPullEndsSoon(t *testing.T) {
	p := newPlayground(t)
	big := p.registry.Push(t, "bases/big", "latest", bigImage(t, 2))
	begun := make(chan struct{}, 1)
	trickle := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/bases/big/blobs/") {
			return false
		}
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write([]byte{0x1f})
		w.(http.Flusher).Flush()
		select {
		case begun <- struct{}{}:
		default:
		}
		<-r.Context().Done()
		return true
	}
	for _, test := range []struct {
		description string
		fault       func(http.ResponseWriter, *http.Request) bool
		ready       func() bool
	}{
		{"while the registry sends", trickle, func() bool { return len(begun) > 0 }},
		{"while the layer is unpacked", nil, func() bool { return unpacking(t) }},
	} {
		t.Run(test.description, func(t *testing.T) {
			p.registry.Fail(test.fault)
			defer p.registry.Fail(nil)
			o := p.options(t)
			o.Build.Temp, o.Build.SystemContext, o.Build.Source = t.TempDir(), o.Reading.SystemContext(),
				o.Reading.SourceReference
			b, err := builder.Open(t.Context(), o.Build)
			check(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := b.Pull(ctx, big, nil)
				ended <- err
			}()
			for !test.ready() {
				time.Sleep(10 * time.Millisecond)
				if len(ended) > 0 {
					t.Fatalf("Pull() = %v before it could be interrupted", <-ended)
				}
			}
			time.Sleep(200 * time.Millisecond)
			begin := time.Now()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Pull() = %v, want it interrupted", err)
			}
			check(t, b.Close())
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("took %v to end", took)
			} else {
				t.Logf("took %v to end", took)
			}
			if found := p.layers(t); len(found) > 0 {
				t.Errorf("left layers %q", found)
			}
			if found := p.stored(t); len(found) > 0 {
				t.Errorf("left %q", found)
			}
		})
	}
}

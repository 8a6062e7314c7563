package playground

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// blobs keeps the blobs of a registry as files named sha256/HEX, and remembers which repository has which.
type blobs struct {
	dir   string   // new blobs and uploads
	seeds []string // looked into as well, never written

	mu   sync.Mutex
	held map[string]map[string]bool // repository, digest
}

func newBlobs(dir string, seeds ...string) (*blobs, error) {
	for _, sub := range []string{"sha256", "uploads", "manifests"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	return &blobs{dir: dir, seeds: seeds, held: map[string]map[string]bool{}}, nil
}

func (b *blobs) hold(repository string, digests ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[repository] == nil {
		b.held[repository] = map[string]bool{}
	}
	for _, digest := range digests {
		b.held[repository][digest] = true
	}
}

func (b *blobs) holds(repository, digest string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[repository][digest]
}

// open opens the blob wherever it is. The caller has checked with holds that a repository has it.
func (b *blobs) open(digest string) (*os.File, error) {
	name := filepath.Join("sha256", filepath.Base(strings.TrimPrefix(digest, "sha256:")))
	for _, dir := range append([]string{b.dir}, b.seeds...) {
		if f, err := os.Open(filepath.Join(dir, name)); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("opening blob %q: %w", digest, os.ErrNotExist)
}

// serve answers a request for /v2/REPOSITORY/blobs/TARGET and says whether it mounted a blob of another repository.
func (b *blobs) serve(w http.ResponseWriter, req *http.Request, repository, target string) (mounted bool) {
	upload, uploading := strings.CutPrefix(target, "uploads")
	switch {
	case !uploading && (req.Method == http.MethodGet || req.Method == http.MethodHead):
		b.get(w, req, repository, target)
	case uploading && req.Method == http.MethodPost:
		return b.begin(w, req, repository)
	case uploading && (req.Method == http.MethodPatch || req.Method == http.MethodPut):
		b.write(w, req, repository, filepath.Base(upload))
	case uploading && req.Method == http.MethodDelete:
		os.Remove(filepath.Join(b.dir, "uploads", filepath.Base(upload)))
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", req.Method)
	}
	return false
}

func (b *blobs) get(w http.ResponseWriter, req *http.Request, repository, digest string) {
	if !b.holds(repository, digest) {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	f, err := b.open(digest)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer f.Close()
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Time{}, f)
}

// begin starts an upload, or mounts the blob when the request asks for that and the other repository has it.
func (b *blobs) begin(w http.ResponseWriter, req *http.Request, repository string) (mounted bool) {
	query := req.URL.Query()
	if digest := query.Get("mount"); digest != "" && b.holds(query.Get("from"), digest) {
		b.hold(repository, digest)
		w.Header().Set("Location", "/v2/"+repository+"/blobs/"+digest)
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(http.StatusCreated)
		return true
	}
	id := rand.Text()
	if query.Get("digest") != "" {
		b.write(w, req, repository, id)
		return false
	}
	w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+id)
	w.Header().Set("Range", "0-0")
	w.WriteHeader(http.StatusAccepted)
	return false
}

// write appends the body to an upload and, when the request names the digest, ends the upload.
func (b *blobs) write(w http.ResponseWriter, req *http.Request, repository, id string) {
	path := filepath.Join(b.dir, "uploads", id)
	size, err := appendTo(path, req.Body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	digest := req.URL.Query().Get("digest")
	if digest == "" {
		w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+id)
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(size-1, 0)))
		w.WriteHeader(http.StatusAccepted)
		return
	}
	got, err := digestOf(path)
	if err == nil && got != digest {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "the content has digest "+got)
		return
	}
	if err == nil {
		err = os.Rename(path, filepath.Join(b.dir, "sha256", strings.TrimPrefix(got, "sha256:")))
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	b.hold(repository, digest)
	w.Header().Set("Location", "/v2/"+repository+"/blobs/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

func appendTo(path string, r io.Reader) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

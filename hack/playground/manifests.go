package playground

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
)

// putManifest stores a manifest, unless a blob that it names is missing from its repository: clients must push those
// first.
func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, repository string) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	digests, err := blobsOf(data)
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	for _, digest := range digests {
		if !r.blobs.holds(repository, digest) {
			refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: "+digest)
			return
		}
	}
	// The registry keeps manifests in memory; who searches all that was pushed finds them beside the blobs.
	name := filepath.Join(r.blobs.dir, "manifests", fmt.Sprintf("%x", sha256.Sum256(data)))
	if err := os.WriteFile(name, data, 0o644); err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(data))
	r.manifests.ServeHTTP(w, req)
}

// blobsOf returns the digests of the configuration and layers of an image manifest, and none for a manifest list.
func blobsOf(manifest []byte) ([]string, error) {
	type descriptor struct {
		Digest string `json:"digest"`
	}
	var m struct {
		Config *descriptor  `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("parsing a manifest: %w", err)
	}
	if m.Config == nil {
		return nil, nil
	}
	digests := []string{m.Config.Digest}
	for _, layer := range m.Layers {
		digests = append(digests, layer.Digest)
	}
	return digests, nil
}

// load takes an image that lies in one of the registry's seeds into repository, under its digest and the tags.
func (r *Registry) load(repository string, image stored, tags ...string) error {
	f, err := r.blobs.open(image.Digest)
	if err != nil {
		return err
	}
	defer f.Close()
	manifest, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("reading manifest %q: %w", image.Digest, err)
	}
	digests, err := blobsOf(manifest)
	if err != nil {
		return err
	}
	r.blobs.hold(repository, digests...)
	for _, reference := range append([]string{image.Digest}, tags...) {
		req := httptest.NewRequest(http.MethodPut, "/v2/"+repository+"/manifests/"+reference, bytes.NewReader(manifest))
		req.Header.Set("Content-Type", image.MediaType)
		w := httptest.NewRecorder()
		r.manifests.ServeHTTP(w, req)
		if w.Code != http.StatusCreated {
			return fmt.Errorf("loading %s:%s: registry answers %d %s", repository, reference, w.Code, w.Body)
		}
	}
	return nil
}

// Lacks returns the digests that a manifest in the registry names and its repository does not hold: what a stopped
// push must never leave behind.
func (r *Registry) Lacks(repository, reference string) ([]string, error) {
	req := httptest.NewRequest(http.MethodGet, "/v2/"+repository+"/manifests/"+reference, nil)
	w := httptest.NewRecorder()
	r.manifests.ServeHTTP(w, req)
	if w.Code == http.StatusNotFound {
		return nil, fmt.Errorf("manifest %s:%s: %w", repository, reference, os.ErrNotExist)
	}
	digests, err := blobsOf(w.Body.Bytes())
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, digest := range digests {
		if !r.blobs.holds(repository, digest) {
			missing = append(missing, digest)
		}
	}
	return missing, nil
}

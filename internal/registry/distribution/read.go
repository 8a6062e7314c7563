package distribution

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Manifest is a manifest, or a manifest list, as a registry sent it. Nothing of it is verified.
type Manifest struct {
	Data      []byte
	MediaType string // that the registry gives it
	Digest    string // that the registry says it has; "" = it says nothing
}

// Manifest returns the manifest that a tag or a digest names. An Error with the status 404 says that there is none.
func (r *Repository) Manifest(ctx context.Context, name string) (Manifest, error) {
	answer, err := r.send(ctx, r.manifestRequest(http.MethodGet, name))
	if err != nil {
		return Manifest{}, err
	}
	if answer.StatusCode != http.StatusOK {
		return Manifest{}, r.registry.refusal(answer)
	}
	defer answer.Body.Close()
	data, err := limited(answer, maxManifest)
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest %q: %w", name, err)
	}
	return Manifest{data, answer.Header.Get("Content-Type"), answer.Header.Get(contentDigest)}, nil
}

// manifestRequest asks for a manifest of any type that this program can tell from others.
func (r *Repository) manifestRequest(method, name string) request {
	return request{method: method, url: r.at("manifests", name),
		header: map[string]string{"Accept": strings.Join(manifest.DefaultRequestedManifestMIMETypes, ", ")}}
}

// Blob returns a blob's content from an offset in bytes, and the size of the whole blob; -1 = the registry does not
// say. The content is not verified. Registries that send all of it whatever they are asked for are read up to the
// offset.
func (r *Repository) Blob(ctx context.Context, blob digest.Digest, offset int64) (stream io.ReadCloser,
	size int64, err error) {
	q := request{method: http.MethodGet, url: r.at("blobs", blob.String())}
	if offset > 0 {
		q.header = map[string]string{"Range": fmt.Sprintf("bytes=%d-", offset)}
	}
	answer, err := r.send(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	// not every registry understands a range without an end
	if answer.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0 {
		_, _ = end(answer)
		q.header = nil
		if answer, err = r.send(ctx, q); err != nil {
			return nil, 0, err
		}
	}
	switch answer.StatusCode {
	case http.StatusOK:
		if _, err := io.CopyN(io.Discard, answer.Body, offset); err != nil {
			answer.Body.Close()
			return nil, 0, fmt.Errorf("skipping %d bytes that are here already: %w", offset, err)
		}
		return answer.Body, answer.ContentLength, nil
	case http.StatusPartialContent:
		if size, err = checkRange(answer, offset); err != nil {
			answer.Body.Close()
			return nil, 0, err
		}
		return answer.Body, size, nil
	}
	return nil, 0, r.registry.refusal(answer)
}

// checkRange returns the size of the whole that an answer with a part of it names, and fails unless the part begins at
// the offset.
func checkRange(answer *http.Response, offset int64) (size int64, err error) {
	header := answer.Header.Get("Content-Range")
	var first, last int64
	if n, _ := fmt.Sscanf(header, "bytes %d-%d/%d", &first, &last, &size); n < 2 || first != offset || last < first {
		return 0, fmt.Errorf("%s answers with the range %q where bytes from %d were asked for",
			answer.Request.URL.Host, header, offset)
	} else if n == 2 {
		return -1, nil
	}
	return size, nil
}

// limited reads an answer's content to its end, which is an error where that is more than limit bytes.
func limited(answer *http.Response, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		return data[:limit], fault.Errorf(fault.Unresolved, "%s answers with more than %d bytes",
			answer.Request.URL.Host, limit)
	}
	return data, err
}

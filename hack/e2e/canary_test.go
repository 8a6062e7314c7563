package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// canary is a secret that each script has in all places where a user has some. It must be in no output, file, cache,
// layer, config or manifest that a run leaves.
const canary = "canary-5dd1c8f0b3e7"

// secretFiles are the places where it may be, and is.
func secretFiles(p *playground.Playground) map[string]string {
	home := filepath.Dir(filepath.Dir(p.CacheDir()))
	auth := base64.StdEncoding.EncodeToString([]byte("user:" + canary))
	return map[string]string{
		p.AuthFile(): fmt.Sprintf(`{"auths":{%q:{"auth":%q},"registry.ci.openshift.org":{"auth":%q},"quay.io":{"auth":%q}}}`,
			p.Registry.Host, auth, auth, auth),
		filepath.Join(home, ".netrc"):      "machine 127.0.0.1 login user password " + canary + "\n",
		filepath.Join(home, ".gitconfig"):  fmt.Sprintf("[http %q]\n\textraHeader = X-Canary: %s\n", p.Git.URL, canary),
		filepath.Join(home, ".ssh", "key"): canary,
	}
}

// secretVariables are variables of the environment that have it.
func secretVariables() []string {
	return []string{"OC_REBUILD_CANARY=" + canary, "AWS_SECRET_ACCESS_KEY=" + canary, "GITHUB_TOKEN=" + canary,
		"HTTPS_PROXY=http://user:" + canary + "@127.0.0.1:9"} // nothing here asks a proxy: all is on loopback
}

// plant puts the canary where it may be.
func plant(p *playground.Playground) error {
	for path, text := range secretFiles(p) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".json") {
			err = f.Truncate(0)
		} else {
			_, err = f.Seek(0, io.SeekEnd)
		}
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// leaks lists the files below a directory that have the canary, as it is or as it is in an auth file, also inside
// compressed layers. What this user may not read is passed over.
func leaks(directory string, except map[string]string) (found []string, err error) {
	err = filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		if _, expected := except[path]; expected || !entry.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return nil //nolint:nilerr // the container of another user, or gone
		}
		defer f.Close()
		if has, err := hasCanary(f); err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		} else if has {
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// hasCanary reads to the end, through one compression.
func hasCanary(f io.ReadSeeker) (bool, error) {
	if has, err := contains(f); has || err != nil {
		return has, err
	}
	magic := make([]byte, 4)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	n, _ := io.ReadFull(f, magic) // a short file is not compressed
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	switch magic = magic[:n]; {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		if inner, err := gzip.NewReader(f); err == nil {
			has, _ := contains(inner) // a log may begin like an archive
			return has, nil
		}
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		if inner, err := zstd.NewReader(f); err == nil {
			defer inner.Close()
			has, _ := contains(inner)
			return has, nil
		}
	}
	return false, nil
}

// contains looks for the canary in all that a reader has.
func contains(r io.Reader) (bool, error) {
	forms := [][]byte{[]byte(canary), []byte(base64.StdEncoding.EncodeToString([]byte("user:" + canary)))}
	const overlap = 64 // longer than each of forms
	buffer := make([]byte, 1<<20)
	kept := 0
	for {
		n, err := r.Read(buffer[kept:])
		seen := buffer[:kept+n]
		for _, form := range forms {
			if bytes.Contains(seen, form) {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, seen[max(0, len(seen)-overlap):])
	}
}

// secretsKept fails a script that left the canary somewhere.
func secretsKept(t testscript.T, p *playground.Playground, work string) {
	for _, directory := range []string{p.Dir, work} {
		found, err := leaks(directory, secretFiles(p))
		if err != nil {
			t.Fatal("looking for secrets: ", err)
		}
		if len(found) > 0 {
			t.Fatal("a secret is in " + strings.Join(found, ", "))
		}
	}
}

// TestLeaks finds the canary in every form in which it could get out.
func TestLeaks(t *testing.T) {
	directory := t.TempDir()
	var zipped, packed bytes.Buffer
	g := gzip.NewWriter(&zipped)
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := io.WriteString(w, strings.Repeat("x", 3<<20)+canary); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{
		"plain": "password=" + canary, "auth": base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"border": strings.Repeat("x", 1<<20-5) + canary, "layer.gz": zipped.String(), "layer.zst": packed.String(),
		"good": strings.Repeat("x", 2<<20) + canary[:10], "allowed": canary,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := leaks(directory, map[string]string{filepath.Join(directory, "allowed"): ""})
	if err != nil || len(found) != 5 {
		t.Errorf("leaks() = %q, %v, want all but good and allowed", found, err)
	}
}

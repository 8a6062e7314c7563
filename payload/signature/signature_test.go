package signature_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/signature"
)

const (
	release = digest.Digest("sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e")
	other   = digest.Digest("sha256:1511693daf5d1cb36507c8f17c6b77b00266a8815e6f204c3243f4677128db61")
)

func entity(t *testing.T) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("publisher", "", "publisher@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// keys writes the public key of an entity to a file and reads it back.
func keys(t *testing.T, e *openpgp.Entity) signature.Keys {
	t.Helper()
	var data bytes.Buffer
	if err := e.Serialize(&data); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key.gpg")
	if err := os.WriteFile(name, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := signature.ReadKeys(name)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func claim(kind string, image digest.Digest) string {
	return fmt.Sprintf(`{"critical":{"type":%q,"image":{"docker-manifest-digest":%q},"identity":{"docker-reference":"quay.io/x/y"}},"optional":{}}`, kind, image)
}

func sign(t *testing.T, e *openpgp.Entity, text string) []byte {
	t.Helper()
	var message bytes.Buffer
	w, err := openpgp.Sign(&message, e, nil, nil)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return message.Bytes()
}

// store is a directory with signatures of the release.
func store(t *testing.T, signatures ...[]byte) string {
	t.Helper()
	directory := t.TempDir()
	place := filepath.Join(directory, "sha256="+release.Encoded())
	if err := os.MkdirAll(place, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, data := range signatures {
		if err := os.WriteFile(filepath.Join(place, fmt.Sprintf("signature-%d", i+1)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func verify(t *testing.T, k signature.Keys, place string) ([][]byte, error) {
	t.Helper()
	s, err := signature.OpenStore(place)
	if err != nil {
		t.Fatal(err)
	}
	return signature.Verify(context.Background(), k, []signature.Store{s}, release)
}

func TestVerify(t *testing.T) {
	publisher, stranger := entity(t), entity(t)
	good := sign(t, publisher, claim("atomic container signature", release))
	damaged := bytes.Clone(good)
	damaged[len(damaged)-20] ^= 1
	tests := map[string]struct {
		signatures [][]byte
		message    string // "" = it is good
	}{
		"good":               {[][]byte{good}, ""},
		"a bad one first":    {[][]byte{[]byte("x"), good}, ""},
		"none":               {nil, "there is none"},
		"damaged":            {[][]byte{damaged}, "signature 1"},
		"by a stranger":      {[][]byte{sign(t, stranger, claim("atomic container signature", release))}, "signature 1"},
		"for another image":  {[][]byte{sign(t, publisher, claim("atomic container signature", other))}, "for image " + other.String()},
		"of something else":  {[][]byte{sign(t, publisher, claim("git tag", release))}, `it is a "git tag"`},
		"not json":           {[][]byte{sign(t, publisher, "x")}, "cannot be read"},
		"not signed at all":  {[][]byte{[]byte(claim("atomic container signature", release))}, "no OpenPGP message"},
		"an empty signature": {[][]byte{{}}, "signature 1"},
	}
	trusted := keys(t, publisher)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			directory := store(t, test.signatures...)
			server := httptest.NewServer(http.FileServer(http.Dir(directory)))
			defer server.Close()
			for _, place := range []string{directory, server.URL} {
				found, err := verify(t, trusted, place)
				switch {
				case test.message == "" && (err != nil || len(found) != 1 || !bytes.Equal(found[0], good)):
					t.Errorf("Verify with %s: %d signatures, %v", place, len(found), err)
				case test.message != "" && (fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.message)):
					t.Errorf("Verify with %s: %v, want an error with %q", place, err, test.message)
				}
			}
		})
	}
}

func TestBrokenStores(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer server.Close()
	if _, err := verify(t, keys(t, entity(t)), server.URL); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a store that fails: %v", err)
	}
	for _, name := range []string{"http://example.org/store", "ftp://example.org", "/does/not/exist"} {
		if _, err := signature.OpenStore(name); fault.KindOf(err) != fault.Usage {
			t.Errorf("OpenStore(%q): %v", name, err)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{empty, "/does/not/exist"} {
		if _, err := signature.ReadKeys(name); fault.KindOf(err) != fault.Usage {
			t.Errorf("ReadKeys(%q): %v", name, err)
		}
	}
}

func TestConfigMap(t *testing.T) {
	data, err := signature.ConfigMap(release, [][]byte{[]byte("a"), []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Metadata   struct{ Name, Namespace string }
		BinaryData map[string][]byte
	}
	name := "sha256-" + release.Encoded()
	if err := json.Unmarshal(data, &object); err != nil || object.Metadata.Name != name || string(object.BinaryData[name+"-2"]) != "b" {
		t.Errorf("ConfigMap: %s, %v", data, err)
	}
	if got := signature.FileName(release); got != "signature-sha256-f30638f60452062a.json" {
		t.Errorf("FileName = %s", got)
	}
}

// FuzzVerify reads hostile signatures: none may be good.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte(claim("atomic container signature", release)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := signature.Verify(context.Background(), signature.Keys{}, []signature.Store{single(data)}, release); err == nil {
			t.Errorf("%q is a good signature without any key", data)
		}
	})
}

// single is a store with one signature.
type single []byte

func (s single) Get(_ context.Context, _ digest.Digest, n int) ([]byte, error) {
	if n > 1 {
		return nil, os.ErrNotExist
	}
	return s, nil
}

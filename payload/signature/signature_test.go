package signature_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/opencontainers/go-digest"
	imagesignature "go.podman.io/image/v5/signature"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/payload/signature"
)

const (
	release = digest.Digest("sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e")
	other   = digest.Digest("sha256:1511693daf5d1cb36507c8f17c6b77b00266a8815e6f204c3243f4677128db61")
)

func entity(t testing.TB) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("publisher", "", "publisher@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// keys writes the public key of an entity to a file and reads it back.
func keys(t testing.TB, e *openpgp.Entity) signature.Keys {
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
		"good":            {[][]byte{good}, ""},
		"a bad one first": {[][]byte{[]byte("x"), good}, ""},
		"none":            {nil, "there is none"},
		"damaged":         {[][]byte{damaged}, "signature 1"},
		"by a stranger": {[][]byte{sign(t, stranger,
			claim("atomic container signature", release))}, "signature 1"},
		"for another image": {[][]byte{sign(t, publisher, claim("atomic container signature", other))},
			"for image " + other.String()},
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
				case test.message != "" && (fault.KindOf(err) != fault.Unresolved ||
					!strings.Contains(err.Error(), test.message)):
					t.Errorf("Verify with %s: %v, want an error with %q", place, err, test.message)
				}
			}
		})
	}
}

func TestBrokenStores(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
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
	if err := json.Unmarshal(data, &object); err != nil || object.Metadata.Name != name ||
		string(object.BinaryData[name+"-2"]) != "b" {
		t.Errorf("ConfigMap: %s, %v", data, err)
	}
	if got := signature.FileName(release); got != "signature-sha256-f30638f60452062a.json" {
		t.Errorf("FileName = %s", got)
	}
}

// FuzzVerify searches for messages that are taken for good: whatever is must be good for image/v5's verifier too,
// which podman and CRI-O use.
func FuzzVerify(f *testing.F) {
	publisher := entity(f)
	trusted, theirs := keys(f, publisher), mechanism(f, publisher)
	good := sign(f, publisher, claim("atomic container signature", release))
	f.Add([]byte("x"))
	f.Add([]byte(claim("atomic container signature", release)))
	f.Add(good)
	f.Add(unsigned(f, publisher, claim("atomic container signature", release), false))
	f.Add(unsigned(f, publisher, claim("atomic container signature", release)+strings.Repeat(" ", 2<<20), true))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		if _, err := signature.Verify(context.Background(), trusted, []signature.Store{single(data)},
			release); err != nil {
			return
		}
		if _, _, err := theirs.Verify(data); err != nil {
			t.Errorf("%.200q is taken for a good signature: %v", data, err)
		}
	})
}

// mechanism is the verifier of image/v5 with a key of the publisher's.
func mechanism(t testing.TB, publisher *openpgp.Entity) imagesignature.SigningMechanism {
	t.Helper()
	var data bytes.Buffer
	if err := publisher.Serialize(&data); err != nil {
		t.Fatal(err)
	}
	m, _, err := imagesignature.NewEphemeralGPGSigningMechanism(data.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// unsigned is a message that says who signed it, without a signature: whoever knows the public key can write it.
func unsigned(t testing.TB, publisher *openpgp.Entity, text string, compressed bool) []byte {
	t.Helper()
	var message bytes.Buffer
	var out io.WriteCloser = nopCloser{&message}
	var err error
	if compressed {
		out, err = packet.SerializeCompressed(out, packet.CompressionZLIB, nil)
	}
	if err == nil {
		err = (&packet.OnePassSignature{
			Version: 3, SigType: packet.SigTypeBinary, Hash: crypto.SHA256, PubKeyAlgo: publisher.PrimaryKey.PubKeyAlgo,
			KeyId: publisher.PrimaryKey.KeyId, IsLast: true,
		}).Serialize(out)
	}
	var literal io.WriteCloser
	if err == nil {
		literal, err = packet.SerializeLiteral(nopCloser{out}, true, "", 0)
	}
	if err == nil {
		_, err = literal.Write([]byte(text))
	}
	if err := errors.Join(err, literal.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return message.Bytes()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// signWith signs as somebody whose clock and validity a config sets.
func signWith(t testing.TB, e *openpgp.Entity, text string, config *packet.Config) []byte {
	t.Helper()
	var message bytes.Buffer
	w, err := openpgp.Sign(&message, e, nil, config)
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

func sign(t testing.TB, e *openpgp.Entity, text string) []byte {
	t.Helper()
	return signWith(t, e, text, nil)
}

// nested is a message with two signatures, the outer one by a stranger.
func nested(t testing.TB, outer, inner *openpgp.Entity, text string) []byte {
	t.Helper()
	one, two := sign(t, outer, text), sign(t, inner, text)
	// One-pass packets of both, the literal, the signatures in reverse: the packets are cut apart where the literal
	// begins and ends.
	parts := func(message []byte) (onePass, literal, rest []byte) {
		reader := bytes.NewReader(message)
		packets := packet.NewReader(reader)
		if _, err := packets.Next(); err != nil {
			t.Fatal(err)
		}
		begin := len(message) - reader.Len()
		p, err := packets.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(p.(*packet.LiteralData).Body); err != nil {
			t.Fatal(err)
		}
		end := len(message) - reader.Len()
		return message[:begin], message[begin:end], message[end:]
	}
	onePassOne, literal, signatureOne := parts(one)
	onePassTwo, _, signatureTwo := parts(two)
	onePassOne = bytes.Clone(onePassOne)
	onePassOne[len(onePassOne)-1] = 0 // not the last
	return slices.Concat(onePassOne, onePassTwo, literal, signatureTwo, signatureOne)
}

// TestTwoSigners asks of a message with two signatures what podman and CRI-O say of it.
func TestTwoSigners(t *testing.T) {
	publisher, stranger := entity(t), entity(t)
	text := claim("atomic container signature", release)
	for name, message := range map[string][]byte{
		"a stranger's outside": nested(t, stranger, publisher, text),
		"a stranger's inside":  nested(t, publisher, stranger, text),
		"strangers'":           nested(t, stranger, stranger, text),
	} {
		_, _, want := mechanism(t, publisher).Verify(message)
		if _, err := signature.Verify(t.Context(), keys(t, publisher), []signature.Store{single(message)},
			release); (err == nil) != (want == nil) {
			t.Errorf("%s: %v; image/v5 says %v", name, err, want)
		}
	}
}

// TestForgeries tries what somebody without the key, or with one that is no longer good, can write.
func TestForgeries(t *testing.T) {
	publisher := entity(t)
	text := claim("atomic container signature", release)
	long := text + strings.Repeat(" ", 2<<20)
	past := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	expiring, err := openpgp.NewEntity("expiring", "", "e@example.org",
		&packet.Config{Time: past, KeyLifetimeSecs: 3600})
	if err != nil {
		t.Fatal(err)
	}
	lasting, err := openpgp.NewEntity("lasting", "", "l@example.org", &packet.Config{Time: past})
	if err != nil {
		t.Fatal(err)
	}
	revoked := entity(t)
	expired, old := keys(t, expiring), signWith(t, expiring, text, &packet.Config{Time: past})
	byRevoked := sign(t, revoked, text)
	if err := revoked.RevokeKey(packet.KeyCompromised, "stolen", nil); err != nil {
		t.Fatal(err)
	}
	var detached, clear bytes.Buffer
	if err := openpgp.DetachSign(&detached, publisher, strings.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	clear.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + text + "\n")
	if err := openpgp.ArmoredDetachSignText(&clear, publisher, strings.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	trusted := keys(t, publisher)
	for name, test := range map[string]struct {
		keys    signature.Keys
		message []byte
	}{
		"no signature":                   {trusted, unsigned(t, publisher, text, false)},
		"no signature, long":             {trusted, unsigned(t, publisher, long, false)},
		"no signature, compressed":       {trusted, unsigned(t, publisher, text, true)},
		"no signature, long, compressed": {trusted, unsigned(t, publisher, long, true)},
		"a signature, long":              {trusted, sign(t, publisher, long)},
		"another's signature after it": {trusted,
			append(unsigned(t, publisher, text, false), detached.Bytes()[:len(detached.Bytes())-1]...)},
		"a signature of another text": {trusted,
			append(unsigned(t, publisher, claim("atomic container signature", release)+" ", false),
				detached.Bytes()...)},
		"an expired key": {expired, old},
		"a revoked key":  {keys(t, revoked), byRevoked},
		"an expired signature": {keys(t, lasting),
			signWith(t, lasting, text, &packet.Config{SigLifetimeSecs: 1, Time: past})},
		"detached":   {trusted, detached.Bytes()},
		"clear text": {trusted, clear.Bytes()},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := signature.Verify(t.Context(), test.keys, []signature.Store{single(test.message)},
				release); fault.KindOf(err) != fault.Unresolved {
				t.Errorf("%d bytes are taken for a good signature (%v)", len(test.message), err)
			}
		})
	}
}

// single is a store with one signature.
type single []byte

func (s single) Get(_ context.Context, _ digest.Digest, n int) ([]byte, error) {
	if n > 1 {
		return nil, os.ErrNotExist
	}
	return s, nil
}

package signature

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	maxKeys      = 4 << 20 // bytes of a file with keys
	maxSignature = 1 << 20 // bytes of one signature
	// maxSignatures is how many signatures of one release are looked at.
	maxSignatures = 10
	// kind is what a signature of an image says it is.
	kind = "atomic container signature"
)

// Keys are the public keys that releases must be signed with.
type Keys struct{ list openpgp.EntityList }

// ReadKeys reads public keys, armored or not, from files.
func ReadKeys(files ...string) (Keys, error) {
	var keys Keys
	for _, name := range files {
		data, err := regular.Read(name, maxKeys)
		if err != nil {
			return Keys{}, fault.New(fault.Usage, "", fmt.Errorf("reading release keys: %w", err))
		}
		list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
		if err != nil {
			list, err = openpgp.ReadKeyRing(bytes.NewReader(data))
		}
		if err != nil || len(list) == 0 {
			return Keys{}, fault.New(fault.Usage, "",
				fmt.Errorf("reading release keys from %q: %w", name, errors.Join(err, errNoKey)))
		}
		keys.list = append(keys.list, list...)
	}
	return keys, nil
}

var errNoKey = errors.New("it has no OpenPGP key")

// Store is a place that has signatures.
type Store interface {
	// Get returns the n-th signature of an image, from 1 on. One that is not there is os.ErrNotExist.
	Get(ctx context.Context, image digest.Digest, n int) ([]byte, error)
}

// Verify looks for a signature of the image by one of the keys, in the stores in their order, and returns the
// signatures that are good. None is an error that says what was found.
func Verify(ctx context.Context, keys Keys, stores []Store, image digest.Digest) ([][]byte, error) {
	if err := image.Validate(); err != nil {
		return nil, fmt.Errorf("verifying the signature of %q: %w", image, err)
	}
	var good [][]byte
	var problems []string
	for _, store := range stores {
		for n := 1; n <= maxSignatures; n++ {
			data, err := store.Get(ctx, image, n)
			if errors.Is(err, os.ErrNotExist) {
				break
			}
			if err != nil {
				problems = append(problems, err.Error())
				break
			}
			if err := keys.check(data, image); err != nil {
				problems = append(problems, fmt.Sprintf("signature %d: %v", n, err))
				continue
			}
			good = append(good, data)
		}
		if len(good) > 0 {
			return good, nil
		}
	}
	if len(problems) == 0 {
		problems = []string{"there is none in the signature store"}
	}
	return nil, fault.New(fault.Unresolved,
		"Pass the key of the release's publisher with --signature-key, or --verify-signature=warn to go on without one.",
		fmt.Errorf("release %s has no valid signature: %s", image, strings.Join(problems, "; ")))
}

// check verifies one signature: an OpenPGP message whose text names the image.
func (k Keys) check(data []byte, image digest.Digest) error {
	message, err := openpgp.ReadMessage(bytes.NewReader(data), k.list, nil, nil)
	if err != nil {
		return fmt.Errorf("it is no OpenPGP message: %w", err)
	}
	if !message.IsSigned || message.IsEncrypted {
		return errors.New("it is not a signed message")
	}
	text, err := io.ReadAll(io.LimitReader(message.UnverifiedBody, maxSignature+1))
	if err != nil {
		return fmt.Errorf("reading what it signs: %w", err)
	}
	// The signature is only looked at when the text was read to its end: before that nothing is wrong with any message.
	switch {
	case len(text) > maxSignature:
		return fmt.Errorf("what it signs has more than %d bytes", maxSignature)
	case message.SignatureError != nil:
		return fmt.Errorf("by key %X: %w", message.SignedByKeyId, message.SignatureError)
	case message.SignedBy == nil:
		return fmt.Errorf("it is by key %X, which is not trusted", message.SignedByKeyId)
	case message.Signature == nil:
		return fmt.Errorf("it names key %X, and no signature follows", message.SignedByKeyId)
	}
	var claim struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest digest.Digest `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(text, &claim); err != nil {
		return fmt.Errorf("what it signs cannot be read: %w", err)
	}
	if claim.Critical.Type != kind || claim.Critical.Image.Digest != image {
		return fmt.Errorf("it is a %q for image %s", claim.Critical.Type, claim.Critical.Image.Digest)
	}
	return nil
}

package extract

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// Signer signs the list of checksums with an OpenPGP key.
type Signer struct{ entity *openpgp.Entity }

// ReadSigner reads a private key, armored or not. password is asked for one only if the key is locked with one.
func ReadSigner(path string, password func() ([]byte, error)) (*Signer, error) {
	file, err := regular.Open(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading the signing key: %w", err))
	}
	defer file.Close()
	keys, err := openpgp.ReadArmoredKeyRing(file)
	if err != nil {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("reading the signing key: %w", err)
		}
		keys, err = openpgp.ReadKeyRing(file)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading the signing key %q: %w", path, err))
	}
	for _, key := range keys {
		if key.PrivateKey == nil {
			continue
		}
		if key.PrivateKey.Encrypted {
			secret, err := password()
			if err != nil {
				return nil, fmt.Errorf("asking for the password of the signing key: %w", err)
			}
			if err := key.DecryptPrivateKeys(secret); err != nil {
				return nil, fault.New(fault.Usage, "", errors.New("the password does not unlock the signing key"))
			}
		}
		return &Signer{key}, nil
	}
	return nil, fault.Errorf(fault.Usage, "%q has no private key", path)
}

// Sign writes a detached signature of a text, armored.
func (s *Signer) Sign(w io.Writer, text string) error {
	if err := openpgp.ArmoredDetachSign(w, s.entity, strings.NewReader(text), nil); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

package registry_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/signature/signer"
	"go.podman.io/image/v5/signature/sigstore"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestSignaturePolicy reads images under policies: everything refused, and a sigstore signature wanted that one image
// has and another lacks.
func TestSignaturePolicy(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	plain := r.Push(t, "some/plain", "x", some(nil).Build(t))
	directory := t.TempDir()
	private, public := keyPair(t)
	check(t, writeFile(directory+"/key.pub", public))
	check(t, os.MkdirAll(directory+"/.config/containers/registries.d", 0o700))
	check(t, writeFile(directory+"/.config/containers/registries.d/x.yaml",
		"docker:\n  "+r.Host+":\n    use-sigstore-attachments: true\n"))
	t.Setenv("HOME", directory)
	signed := signImage(t, r.Host, directory, plain, private)

	policies := map[string]string{
		"reject": `{"default":[{"type":"reject"}]}`,
		"signed": `{"default":[{"type":"reject"}],"transports":{"docker":{"` + r.Host +
			`":[{"type":"sigstoreSigned","keyPath":"` +
			directory + `/key.pub","signedIdentity":{"type":"matchRepository"}}]}}}`,
		"accept": `{"default":[{"type":"insecureAcceptAnything"}]}`,
	}
	for name, text := range policies {
		check(t, writeFile(directory+"/"+name+".json", text))
		client, err := registry.New(registry.Options{Insecure: true, Platform: "linux/amd64",
			SignaturePolicy: directory + "/" + name + ".json"})
		check(t, err)
		for spec, ok := range map[string]bool{plain: name == "accept", signed: name != "reject"} {
			_, err := client.Image(context.Background(), spec)
			if (err == nil) != ok || err != nil && (fault.KindOf(err) != fault.Unresolved ||
				!strings.Contains(err.Error(), "the signature policy refuses")) {
				t.Errorf("policy %s, image %s: %v", name, spec, err)
			}
		}
		check(t, client.Close())
	}
}

// keyPair makes a key that signs, in the form that sigstore keeps it in, and its public part.
func keyPair(t *testing.T) (private []byte, public string) {
	t.Helper()
	pair, err := sigstore.GenerateKeyPair([]byte("password"))
	check(t, err)
	return pair.PrivateKey, string(pair.PublicKey)
}

// signImage copies an image to another repository, with a signature attached, and returns its pull spec.
func signImage(t *testing.T, host, directory, spec string, key []byte) string {
	t.Helper()
	check(t, os.WriteFile(directory+"/key", key, 0o600))
	from, err := registry.ParseReference(spec)
	check(t, err)
	to, err := registry.ParseReference(host + "/some/signed:x")
	check(t, err)
	signing, err := sigstore.NewSigner(sigstore.WithPrivateKeyFile(directory+"/key", []byte("password")))
	check(t, err)
	defer signing.Close()
	policy, err := signature.NewPolicyContext(&signature.Policy{Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}})
	check(t, err)
	system := &types.SystemContext{DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		RegistriesDirPath: directory + "/.config/containers/registries.d"}
	_, err = copy.Image(context.Background(), policy, to, from,
		&copy.Options{SourceCtx: system, DestinationCtx: system, Signers: []*signer.Signer{signing}})
	check(t, err)
	digest, err := docker.GetDigest(context.Background(), system, to)
	check(t, err)
	return reference.TrimNamed(to.DockerReference()).Name() + "@" + digest.String()
}

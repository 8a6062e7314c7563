package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/signature"
)

// signatureOptions say whether a payload must be signed, and by whom.
type signatureOptions struct {
	mode   string
	keys   []string
	stores []string
}

func (o *signatureOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupSignature)()
	flags.StringVar(&o.mode, "verify-signature", "",
		"verify the OpenPGP signature of the payload: off, warn, require (default: require if --signature-key is given, else off)")
	flags.StringArrayVar(&o.keys, "signature-key", nil, "`file` with public keys of the payload's publisher")
	flags.StringArrayVar(&o.stores, "signature-store", signature.Published(),
		"`URL` or directory with signatures of payloads (default: those OpenShift publishes)")
	flags.Lookup("signature-store").DefValue = "[]"
}

// verify checks the signature of a payload as far as the flags want it, and returns the signatures that are good.
func (o *signatureOptions) verify(ctx context.Context, streams Streams, release *payload.Release) ([][]byte, error) {
	mode := o.mode
	if mode == "" {
		mode = map[bool]string{true: "require", false: "off"}[len(o.keys) > 0]
	}
	if err := oneOf("verify-signature", mode, "off", "warn", "require"); err != nil {
		return nil, err
	}
	if mode == "off" {
		o.mention(streams, release)
		return nil, nil
	}
	good, err := o.find(ctx, release)
	if err != nil && mode == "warn" && fault.KindOf(err) == fault.Unresolved {
		fmt.Fprintln(streams.Err, plain.Line("warning: "+err.Error()))
		return nil, nil
	}
	return good, err
}

// mention says that a signature was not looked at, where there should be one.
func (o *signatureOptions) mention(streams Streams, release *payload.Release) {
	if scope := signature.Scope(release.PullSpec); scope != "" {
		fmt.Fprintln(streams.Err, plain.Line("warning: releases in "+scope+
			" are signed, and the signature of this one is not verified: pass --signature-key with the publisher's key"))
	}
}

func (o *signatureOptions) find(ctx context.Context, release *payload.Release) ([][]byte, error) {
	if len(o.keys) == 0 {
		return nil, fault.Errorf(fault.Usage,
			"--verify-signature needs --signature-key: whose signature is good cannot come from the payload itself")
	}
	keys, err := signature.ReadKeys(o.keys...)
	if err != nil {
		return nil, err
	}
	var stores []signature.Store
	for _, name := range o.stores {
		store, err := signature.OpenStore(name)
		if err != nil {
			return nil, err
		}
		stores = append(stores, store)
	}
	return signature.Verify(ctx, keys, stores, release.Image.TopDigest())
}

// writeSignatures writes the signatures of a payload into a directory, as an object that a cluster takes.
func writeSignatures(directory string, release *payload.Release, signatures [][]byte) error {
	digest := release.Image.TopDigest()
	data, err := signature.ConfigMap(digest, signatures)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("writing the signatures: %w", err)
	}
	if err := os.WriteFile(filepath.Join(directory, signature.FileName(digest)), data, 0o644); err != nil {
		return fmt.Errorf("writing the signatures: %w", err)
	}
	return nil
}

// Package signature verifies OpenPGP signatures of releases, as the cluster version operator does: a signature store
// has, under the digest of a release image, messages that say which image they are for, signed by a key that the user
// trusts.
package signature

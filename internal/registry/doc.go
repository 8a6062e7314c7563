// Package registry is the one way to container images: registries, OCI layouts, archives and local storage, over
// go.podman.io/image.
//
// A Client turns Options into what image/v5 calls a system context, so that auth files, registries.conf, mirrors,
// certificates and signature policies behave as in podman. It adds what a payload needs: manifests and blobs that are
// verified against their digests and bounded in size, one connection for all images of a repository, and errors that
// name the registry, the repository, what was being done and the credentials that were used. Registries are written
// to by package distribution, with the same options.
package registry

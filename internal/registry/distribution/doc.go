// Package distribution reads from and writes to container registries: the part of the OCI distribution specification
// that images take.
//
// It exists beside go.podman.io/image because of three promises. A blob whose connection broke is read on from there,
// and all requests go through a transport of the caller's, which can limit how long a silent registry is waited for. A
// blob that another repository of the registry has is mounted with one request: an answer of 201 says that it is there,
// one of 202 begins an upload. And credentials go to the registry itself and to the token service that it names, never
// to another place that it sends a request to.
//
// A Registry is an address, a Repository a place there with its credentials, a Session an upload under way. Nothing
// here tries a request again, except once with new credentials: an Error says what the registry answered, and how long
// it wants to be left alone.
package distribution

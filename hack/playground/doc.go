// Package playground sets up, on loopback and below one directory, everything that `oc rebuild` talks to: a registry
// with a release payload of more than 150 components and the base images that CI builds on, a git server with the
// repositories of a few components that really build, and an openshift/release tree with the configuration of all of
// them.
//
// The demo, the end-to-end tests and the benchmarks share it. It needs a Go toolchain, git, make and a shell, and no
// network. Nothing in it is fetched: base images are made of files of the host, components are written for the
// purpose and only bear the names of real ones. What takes time to make is cached by content (Options.Cache), so that
// a second Start takes about a second.
package playground

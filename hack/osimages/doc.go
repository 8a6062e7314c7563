// Package osimages holds the end-to-end tests of operating system images: the real program against a registry in the
// test's process, with ostree repositories, RPMs and images made from the programs of this machine.
package osimages

// Package gitsrc brings a component's source onto the machine: the exact commit of a payload, a branch, a pull request, a fork, or a
// local working tree as it is, with patches on top. It needs no git binary.
package gitsrc

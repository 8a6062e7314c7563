// Package giturl decides which addresses of git repositories may be contacted.
//
// Addresses come from two places: release payloads, which anybody can make, and the user. A payload may only name
// https and ssh servers. The user may also name a server on loopback by http, and a local directory. Everything that
// git would read as an option, a shell word, a remote helper or a credential is refused.
package giturl

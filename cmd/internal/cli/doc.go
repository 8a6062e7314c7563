// Package cli is the command line: one file a command, one file an option group. It translates flags into the
// requests of package rebuild and payload once, and renders what they answer; it decides nothing.
package cli

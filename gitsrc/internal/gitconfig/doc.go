// Package gitconfig reads what matters here of the user's git configuration: where addresses are rewritten to, which
// credential helpers there are, and how to reach servers. It never reads the configuration of a repository, which
// strangers may have written.
package gitconfig

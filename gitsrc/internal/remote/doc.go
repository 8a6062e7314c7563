// Package remote talks to git servers over https, ssh and, for directories of this machine, git-upload-pack.
//
// Everything a server answers is bounded in bytes and time. Credentials go to the host that asked for them and
// nowhere else: a redirect to another host is refused. A panic while its answers are decoded becomes an error.
package remote

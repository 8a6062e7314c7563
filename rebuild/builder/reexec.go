package builder

import (
	"go.podman.io/buildah"
	"go.podman.io/storage/pkg/unshare"
)

// Reexec runs the helper that buildah asked for when this process is one, and reports whether it was. Call it before anything else in
// main and return at once if it answers true.
func Reexec() bool { return buildah.InitReexec() }

// EnterUserNamespace starts the program again inside a user namespace when the process lacks the rights to mount (a user without root,
// a container without CAP_SYS_ADMIN), and then does not return: it exits with the status of that second process, to which it forwards
// signals. With rights enough it returns at once.
func EnterUserNamespace() { unshare.MaybeReexecUsingUserNamespace(false) }

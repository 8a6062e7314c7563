package builder

import "go.podman.io/buildah"

// Reexec runs the helper that buildah asked for when this process is one, and reports whether it was. Call it before
// anything else in main and return at once if it answers true.
func Reexec() bool { return reexecApart() || reexecOverlay() || buildah.InitReexec() }

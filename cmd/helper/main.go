// Command helper does what buildah starts this project's program for most often, some forty times a build: it copies
// files into and out of images, and looks up users in them. It has nothing else in it, so that it starts in two thirds
// of the time. hack/build puts it behind the program, and rebuild/builder/start.c starts it in the program's place.
// Without it the program does the same by itself.
package main

import (
	"fmt"
	"os"

	_ "go.podman.io/buildah/copier"
	_ "go.podman.io/buildah/pkg/chrootuser"
	_ "go.podman.io/storage/pkg/chrootarchive"
	"go.podman.io/storage/pkg/reexec"
)

func main() {
	if !reexec.Init() {
		fmt.Fprintf(os.Stderr, "%q is nothing that the helper does\n", os.Args[0])
		os.Exit(2)
	}
}

// Package builddata reads ocp-build-data, which says how the images of OpenShift's releases are built: the second
// opinion beside CI's own configs. A branch of that repository belongs to one release.
//
// Each image has a file images/NAME.yml with the Dockerfile, the directory, the repository and the parents that take
// the place of the Dockerfile's FROM lines, in their order; streams.yml says what a parent stream is, and group.yml
// which release all of it is about.
package builddata

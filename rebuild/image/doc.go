// Package image makes the images of a plan. One interface does it, Maker, and what makes it quick or careful is a
// maker around another one: in Chain's order, from the outside,
//
//	named          errors say which image it was
//	pushed         sends what becomes part of the payload to its repository
//	keyed          digests everything that decides the bytes of the image
//	remembered     takes what an earlier run made with the same key
//	alone          one run at a time makes an image
//	recording      keeps what was made for later runs
//	prepared       puts source, bases and build context into place, and packs what was built
//	compileCaches  lends the Go toolchain directories that outlive the build
//	keptStages     begins stages where an earlier build got to
//	built          buildah
//
// Without a cache, remembered, compileCaches and keptStages are left out.
package image

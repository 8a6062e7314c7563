// Package checkout writes the tree of a commit to a directory, with a .git of its own, straight from packs and in
// parallel.
//
// What a tree may hold is decided by its author, so names are checked the way git does for file systems of every
// kind, nothing is written through a symbolic link, and nothing that exists is overwritten.
package checkout

// Package mirror copies releases with all their images: from a registry to another, and to and from directories that
// can be carried to a network without one. What is at the destination already is not sent again, so that a copy that
// was interrupted goes on where it stopped.
package mirror

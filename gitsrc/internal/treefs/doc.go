// Package treefs shows the tree of a git commit as an fs.FS, without a checkout.
package treefs

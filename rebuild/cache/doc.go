// Package cache lists and prunes what runs leave for later runs below one directory: finished builds, compressed
// layers, compile caches and build logs. Sources have a store of their own, in package gitsrc.
package cache

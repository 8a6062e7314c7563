// Package pack receives git packs from a server that nobody trusts, and reads objects out of packs and loose files.
//
// Receive writes the stream to disk as it comes, checks every checksum, finds each object's id and leaves a pack with
// a version 2 index that git itself can use. It keeps no object in memory but those that a delta needs at the moment.
// A Database reads objects from any number of goroutines and checks the id of everything it returns, so that a
// damaged or poisoned cache is noticed.
package pack

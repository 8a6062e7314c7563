// Package architecture holds the tests that keep the repository's shape: which package may know which, which versions
// of security-relevant modules are the least, and that the documents generated from the code are current.
package architecture

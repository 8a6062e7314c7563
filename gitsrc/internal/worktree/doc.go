// Package worktree looks at a git working tree of the user without changing it: which commit and branch it is on,
// whether anything is not committed, and which files belong to it.
//
// It needs no git binary and runs nothing that the repository configures: no hooks, filters or file system monitors.
package worktree

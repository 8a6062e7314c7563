// Package patch applies patch files to a directory: unified diffs, what git diff and git format-patch write, several
// commits in a row.
//
// As with git apply, a hunk may have moved by some lines, but all of its context must be there. Files are reached
// inside the directory only, never through a symbolic link, and never in .git.
package patch

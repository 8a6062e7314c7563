// Package gitsrc brings a component's source onto the machine: the exact commit of a payload, a branch, a pull
// request, a fork, or a local working tree as it is, with patches on top. It needs no git binary.
//
// A Store keeps one bare repository per upstream, so that a commit is fetched once. Fetch checks a commit out the way
// CI does: a directory with a .git of its own, on a branch with the name of the base ref, with submodules. View and
// ReleaseTree read the files of a commit without a checkout, and Log lists the pull requests between two commits.
//
// The parts, each of use by itself:
//
//	gitconfig  the user's git configuration: insteadOf, credential helpers, proxies
//	remote     git servers, with bounded answers and credentials that stay with their host
//	pack       receives, indexes and reads packs
//	checkout   writes a tree to disk, in parallel
//	treefs     a tree as fs.FS
//	worktree   looks at and copies the user's working tree
//	patch      applies patch files
//	merge      merges trees three ways, for pull requests
//
// Everything that comes from a server is checked: a commit is what hashes to its id, names of files cannot leave the
// checkout or reach .git, and every answer has a limit in bytes and time (Limits).
package gitsrc

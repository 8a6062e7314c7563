// Package scratch gives a run one directory for everything temporary, its own and that of the libraries, and clears
// away the directories of runs that were killed: what runs in them, what is mounted in them, their files.
//
// A run that lives holds a lock on its directory, which ends with the process however that ends.
package scratch

package main

// #include <fcntl.h>
//
// static int closed;
//
// __attribute__((constructor)) static void look(void) { closed = fcntl(1, F_GETFD) < 0; }
//
// static int stdout_closed(void) { return closed; }
import "C"

// stdoutClosed tells whether the program was started without a standard output. Go's runtime opens /dev/null in its
// place before any Go code runs: what is written there seems to arrive.
func stdoutClosed() bool { return C.stdout_closed() != 0 }

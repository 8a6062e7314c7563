#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// take returns the file descriptor that a variable names, and unsets it; -1 where there is none.
static int take(const char *name) {
	const char *value = getenv(name);
	int fd = value == NULL ? -1 : atoi(value);
	unsetenv(name);
	return fd;
}

// start runs before the constructor of the library that starts this program as a helper of buildah's. Where no namespace
// is asked for, that constructor does nothing but to tell its parent the process ID, to wait for it, and to start
// again from a copy of the program in memory. The copy keeps a container's processes from the program's file; of this
// helper they cannot open it anyway, since it has capabilities that they lack. But the copy's 50 MB are written for each
// step, and now and then the kernel does not seal it ("Device or resource busy"), which fails the step. So what is left
// of the constructor's work is done here. The helper that becomes the step gets a read-only mount of the program.
static void __attribute__((constructor(101))) start(void) {
	const char *flags = getenv("_Containers-unshare");
	if (flags == NULL || strcmp(flags, "0") != 0 || getenv("_Containers-setsid") != NULL ||
	    getenv("_Containers-setpgrp") != NULL || getenv("_Containers-ctty") != NULL)
		return;
	unsetenv("_Containers-unshare"); // for which the library does nothing
	int fd = take("_Containers-pid-pipe");
	if (fd != -1) {
		char pid[32];
		int length = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
		if (write(fd, pid, length) != length) {
			fprintf(stderr, "telling the process ID: %s\n", strerror(errno));
			_exit(1);
		}
		close(fd);
	}
	fd = take("_Containers-continue-pipe");
	if (fd != -1) {
		char text[2048];
		ssize_t length = read(fd, text, sizeof(text));
		if (length > 0) { // the parent says what is wrong
			fprintf(stderr, "Error: %.*s\n", (int)length, text);
			_exit(1);
		}
		close(fd);
	}
}

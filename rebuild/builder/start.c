#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 // of every architecture
#endif

// While a step runs, buildah asks the OCI runtime ten times a second whether it still does. runc takes so much of the
// processors for each answer that a compilation on two of them takes half as long again. So buildah gets this program
// as its runtime, which waits for the step's end before it asks, and is the runtime in everything else.

// DIRECTORY is what runtime.go calls that of this program as a runtime, and REAL the runtime in it.
#define DIRECTORY "/oc-rebuild-runtime"
#define REAL "/.real"

// await returns when the process ends whose ID is in the file pid, which buildah has the runtime write into the working
// directory; or after 10 seconds, or when the parent is gone.
static void await(void) {
	char text[32];
	int fd = open("pid", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return;
	text[length] = 0;
	int process = syscall(SYS_pidfd_open, atoi(text), 0);
	if (process < 0) // it ended, or the kernel is older than 5.3
		return;
	struct pollfd end = {process, POLLIN, 0};
	pid_t parent = getppid();
	for (int i = 0; i < 20 && getppid() == parent && poll(&end, 1, 500) == 0; i++)
		;
	close(process);
	if (getppid() != parent) // nobody asks any more
		_exit(1);
}

// be_runtime goes on as the runtime where this program was started by such a name.
static void be_runtime(void) {
	static char line[64 << 10], real[PATH_MAX];
	char *argv[1024];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t length = 0, more;
	while ((more = read(fd, line + length, sizeof(line) - 1 - length)) > 0)
		length += more;
	close(fd);
	char *base = strrchr(line, '/');
	if (base == NULL || base - line < (ssize_t)strlen(DIRECTORY) ||
	    strncmp(base - strlen(DIRECTORY), DIRECTORY, strlen(DIRECTORY)) != 0)
		return;
	int count = 0, state = 0;
	for (char *arg = line; arg < line + length && count < 1023; arg += strlen(arg) + 1) {
		argv[count++] = arg;
		state = state || strcmp(arg, "state") == 0;
	}
	argv[count] = NULL;
	if (snprintf(real, sizeof(real), "%.*s" REAL, (int)(base - line), line) >= (int)sizeof(real))
		_exit(127);
	if (state)
		await();
	argv[0] = real;
	execv(real, argv);
	fprintf(stderr, "starting %s: %s\n", real, strerror(errno));
	_exit(127);
}

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
	be_runtime();
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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 // of every architecture
#endif

// While a step runs, buildah asks the OCI runtime ten times a second whether it still does. runc takes so much of the
// processors for each answer that a compilation on two of them takes half as long again. So buildah gets this program
// as its runtime, which waits for the step's end before it asks, and is the runtime in everything else.

extern char **environ;

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

// arguments returns the command line that this program was started with, NULL where that cannot be told.
static char **arguments(void) {
	static char line[64 << 10], *argv[1024];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ssize_t length = 0, more;
	while ((more = read(fd, line + length, sizeof(line) - 1 - length)) > 0)
		length += more;
	close(fd);
	int count = 0;
	for (char *arg = line; arg < line + length && count < 1023; arg += strlen(arg) + 1)
		argv[count++] = arg;
	return count == 0 ? NULL : argv;
}

// be_runtime goes on as the runtime where this program was started by such a name.
static void be_runtime(char **argv) {
	static char real[PATH_MAX];
	char *base = strrchr(argv[0], '/');
	if (base == NULL || base - argv[0] < (ssize_t)strlen(DIRECTORY) ||
	    strncmp(base - strlen(DIRECTORY), DIRECTORY, strlen(DIRECTORY)) != 0)
		return;
	if (snprintf(real, sizeof(real), "%.*s" REAL, (int)(base - argv[0]), argv[0]) >= (int)sizeof(real))
		_exit(127);
	for (char **arg = argv; *arg != NULL; arg++) {
		if (strcmp(*arg, "state") == 0) {
			await();
			break;
		}
	}
	argv[0] = real;
	execv(real, argv);
	fprintf(stderr, "starting %s: %s\n", real, strerror(errno));
	_exit(127);
}

// A build starts this program some forty times, to copy files into and out of images and to look up users in them.
// Each time it makes ready for a cluster, git and more that none of this needs. So a small program lies behind it in
// its file (hack/build), which is started in its place, from memory. Where there is none, or the machine does not
// start programs from memory, this one does the work itself.

// MARK ends a file with a helper in it, after the helper and its size.
#define MARK " oc-rebuild helper\n"
#define DIGITS 20

#ifndef MFD_EXEC
#define MFD_EXEC 0x10 // of Linux 6.3
#endif
#define CLOSE_ON_EXEC 1 // MFD_CLOEXEC

// be_helper goes on as the helper where it has what this program was started for.
static void be_helper(char **argv) {
	static const char *const names[] = {"buildah-copier", "chrootuser-open", "storage-applyLayer", "storage-untar", NULL};
	const char *const *name = names;
	while (*name != NULL && strcmp(*name, argv[0]) != 0)
		name++;
	if (*name == NULL)
		return;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), copy = -1;
	if (self < 0)
		return;
	char end[DIGITS + sizeof(MARK)];
	ssize_t length = DIGITS + strlen(MARK);
	off_t at = lseek(self, -length, SEEK_END);
	if (at < 0 || pread(self, end, length, at) != length || memcmp(end + DIGITS, MARK, strlen(MARK)) != 0)
		goto none;
	end[DIGITS] = 0;
	off_t size = strtoll(end, NULL, 10);
	at -= size;
	struct rlimit most; // of a file: it ends a program that exceeds it
	if (size <= 0 || at <= 0 || getrlimit(RLIMIT_FSIZE, &most) != 0 || most.rlim_cur < (rlim_t)size)
		goto none;
	copy = syscall(SYS_memfd_create, "oc-rebuild-helper", CLOSE_ON_EXEC | MFD_EXEC);
	if (copy < 0)
		copy = syscall(SYS_memfd_create, "oc-rebuild-helper", CLOSE_ON_EXEC);
	if (copy < 0)
		goto none;
	for (ssize_t sent = 0; size > 0 && (sent = sendfile(copy, self, &at, size)) > 0;)
		size -= sent;
	if (size == 0)
		fexecve(copy, argv, environ);
	close(copy);
none:
	close(self);
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
	char **argv = arguments();
	if (argv != NULL) {
		be_runtime(argv);
		be_helper(argv);
	}
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

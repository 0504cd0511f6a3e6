/* SPDX-License-Identifier: MIT */

/*
 * The paths by which a program opens its secrets. Python, Java and Node close the descriptors that they do not
 * know before they start another program. In that child, /proc/self/fd no longer has the secret. So the
 * paths name the program by its process number, which it keeps when it executes other programs. The
 * kernel lets a child open them if it may also read the memory of the program.
 *
 * That needs a program that others of its user may look at. A program that nobody may look at can still open
 * its own descriptors by /proc/self, and so can each child that has inherited them.
 */

#include "tools/run/paths.h"

#include "lib/util.h"

/* Not getpid(2): /proc may be that of another PID namespace, which knows this process by another number. */
int paths_of_program(struct paths *ret)
{
	struct paths paths = { "" };
	ssize_t length = readlink("/proc/self", paths.process, sizeof(paths.process));

	if (length < 0)
		return -errno;
	if (length == 0 || (size_t)length >= sizeof(paths.process))
		return -EIO;
	*ret = paths;
	return 0;
}

struct path_to_fd paths_to(const struct paths *paths, int fd)
{
	struct path_to_fd path;

	(void)snprintf(path.text, sizeof(path.text), "/proc/%s/fd/%d", paths->process, fd);
	return path;
}

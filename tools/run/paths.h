/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_PATHS_H
#define SEALMEM_TOOLS_RUN_PATHS_H

/* Whose descriptors the paths that the program receives lead to. */
struct paths {
	char process[3 * sizeof(int) + 1]; /* an entry of /proc */
};

/* The paths lead to the descriptors of the process that opens them. */
#define PATHS_OF_READER ((struct paths){ .process = "self" })

/* The paths lead to the descriptors of this process, and of the program that it executes. Returns 0 or a
 * negative errno. */
int paths_of_program(struct paths *ret);

struct path_to_fd {
	char text[sizeof("/proc//fd/") + sizeof(struct paths) + 3 * sizeof(int)];
};

struct path_to_fd paths_to(const struct paths *paths, int fd);

#endif

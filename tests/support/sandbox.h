/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_SANDBOX_H
#define SEALMEM_TESTS_SUPPORT_SANDBOX_H

/*
 * What a machine may withhold from a program: system calls, descriptors, memory, /proc, privilege. Each of
 * these is put on the process that calls it; most cannot be taken off again, which is why every test
 * is a process of its own.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* The end of this process frees what the test has made: nobody looks for leaks. */
void leave_objects_behind(void);

/* From now on the system call answers -1 with this errno; for 0 it answers 0 and does nothing. */
void forbid(long number, int error);

/* From now on the system call kills the process. */
void forbid_fatally(long number);

/* Like forbid(), for calls of which every listed argument, masked, has the value. */
struct condition {
	unsigned argument;
	uint32_t mask, value;
};

void forbid_where(long number, int error, const struct condition *conditions, size_t count);

/* A limit that is lifted when its variable leaves scope, so that the test itself can go on. */
struct limit {
	unsigned resource;
	struct rlimit before;
};

struct limit set_limit(unsigned resource, rlim_t value);
/* For a limit that something in the scope lowers. */
struct limit unchanged_limit(unsigned resource);
void lift_limit(const struct limit *limit);

#define SCOPED_LIMIT CLEANUP(lift_limit) struct limit

/* Leaves this many descriptors available. Lifted in the same way. */
struct shortage {
	struct limit limit;
	int taken[64];
	size_t count;
};

struct shortage leave_descriptors(int free);
void end_shortage(const struct shortage *shortage);

#define SCOPED_SHORTAGE CLEANUP(end_shortage) struct shortage

/* Root becomes a user without privileges; others are. */
void become_plain_user(void);

/* Skips the test where no filter can emulate mseal(2). */
void require_filter(void);

/* A kernel without mseal(2), if this one has it, and a program that allowed the emulation. */
void emulate_mseal(void);

/* An empty directory in the place of /proc, for this process and its children. Skips the test where
 * that is not permitted. */
void hide_proc(void);

/* For this process and its children: the file at `path` contains `text`. Skips as above. */
void pretend_file(const char *path, const char *text);

/* For children of this process: a namespace that has a vm.memfd_noexec of its own. Skips as above. */
void own_memfd_noexec(void);

#endif

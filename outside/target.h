/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_TARGET_H
#define SEALMEM_OUTSIDE_TARGET_H

#include "audit/procfs.h"
#include "outside/plan.h"

/* Another process, as far as /proc shows it. */
struct target {
	pid_t pid;
	int directory; /* in /proc: stays with this process, whoever gets its number later */
	int memory;    /* to read from, and to write to where the kernel allows it */
	int maps;      /* its mappings, as a text; -1 if they cannot be read here */
	char *text;    /* that the last plan was made from, or NULL */
	size_t length; /* of the text */
	char name[64];
};

/* Refuses one that is no process of its own, is traced, or is stopped. */
enum refusal target_open(struct target *ret, const struct procfs *procfs, pid_t pid);
/* The same for one that this program traces. */
enum refusal target_open_traced(struct target *ret, const struct procfs *procfs, pid_t pid);
void target_close(struct target *target);

/* Whether it still is there. */
bool target_is_there(const struct target *target);

/* Bytes of its memory, all of them or a negative errno. */
int target_read(const struct target *target, void *ret, size_t size, uint64_t address);

/* Reads those of its mappings that an image can be in, to be freed, and makes the plan. */
enum refusal target_plan(struct target *target, const struct procfs *procfs, unsigned flags,
			 struct mappings *ret_mappings, struct plan *ret);

/* While the process is stopped: whether the plan still is right. REFUSAL_CHANGED if its mappings are other ones now. */
enum refusal target_confirm_plan(const struct target *target, const struct procfs *procfs,
				 const struct mappings *mappings, const struct plan *plan);

/* A number of the status of a thread of it, such as "Seccomp"; -1 if it is not there. */
long target_thread_number(const struct target *target, pid_t thread, const char *key);

/* Whether another process runs in the same memory. */
bool target_shares_memory(const struct target *target, const struct procfs *procfs);

/* Whether a page is the process's own and not one of a file, from its entry in /proc/PID/pagemap. */
bool target_page_is_own(uint64_t entry);

/* Whether somebody wrote to the pages, which are private ones of a file. */
bool target_was_written(const struct target *target, const struct range *range);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_MOUNTS_H
#define SEALMEM_AUDIT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* What the mounts of the audit itself say about file systems. */
struct mounts {
	dev_t *local; /* the devices of file systems that answer from a disk or from memory */
	size_t count;
	dev_t *hiding; /* the devices of /proc that hide processes (hidepid) */
	size_t hiding_count;
};

/* The text of /proc/self/mountinfo. -ENOMEM, -errno of read(2). Lines that are none are left out. */
int mounts_read(struct mounts *ret, FILE *in);

bool mounts_are_local(const struct mounts *mounts, dev_t device);
bool mounts_hide_processes(const struct mounts *mounts, dev_t device);

void mounts_free(struct mounts *mounts);

#endif

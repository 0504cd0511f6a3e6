/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_DEVICES_H
#define SEALMEM_AUDIT_DEVICES_H

#include "audit/memory.h"

#include <stddef.h>

/* How the names of these files begin. */
#define MEMFD_NAME  "/memfd:"
#define SECRET_NAME "/secretmem"

/* The most sizes of huge pages that an architecture has, and more. */
#define HUGE_DEVICES 16

/* The devices of the kernel's own file systems. A device decides what memory is, because another file can have the
 * name that the kernel shows for it. */
struct devices {
	bool recorded; /* on another machine: only the name can decide */
	dev_t secret;  /* 0 if there is no secret memory */
	dev_t memory; /* of memory without huge pages: memfds, shared memory; 0 if it is not known */
	dev_t huge[HUGE_DEVICES]; /* of the same with huge pages, one for each size */
	size_t huge_count;
	bool huge_known; /* all of them */
};

/* Those of this machine. */
void devices_find(struct devices *ret);

bool is_huge_device(const struct devices *devices, dev_t device);

/* Whether the kernel alone makes files on this device, and names them. If that is not known: whether it may be so. */
bool is_kernels_device(const struct devices *devices, dev_t device);

bool is_memfd(const struct devices *devices, const struct memory *memory);
bool is_secret(const struct devices *devices, const struct memory *memory);

/* System V shared memory. */
bool is_shm(const struct devices *devices, const struct memory *memory);

/* Whether no file in a file system, no memfd and no secret memory is mapped there: memory of MAP_ANONYMOUS or of shmget(2),
 * with huge pages or not, or memory of the kernel. */
bool is_without_file(const struct devices *devices, const struct memory *memory);

#endif

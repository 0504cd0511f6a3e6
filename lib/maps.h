/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MAPS_H
#define SEALMEM_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of /proc/PID/maps. */
struct maps_entry {
	uintptr_t start, end;
	int protection; /* PROT_READ and so on */
	bool shared;
	uint64_t offset;
	char name[NAME_MAX + 32]; /* cut off if longer; empty if anonymous */
};

struct maps {
	int fd;
	size_t length, next;
	char buffer[512];
};

/* The mappings of this process. -errno of open(2). */
int maps_open(struct maps *ret);

/* 1 and the next entry, 0 after the last one, or a negative errno. */
int maps_next(struct maps *maps, struct maps_entry *ret);

void maps_close(const struct maps *maps);

#endif

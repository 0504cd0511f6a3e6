/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MAPS_H
#define SEALMEM_MAPS_H

#include "lib/sys.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of a line of /proc/PID/maps. */
struct maps_span {
	uintptr_t start, end;
	int protection; /* PROT_READ and so on */
	bool shared;
	uint64_t offset;
	struct sys_file file; /* 0 and 0 if there is none */
};

/* All of it. */
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
	bool in_name;	/* a name is next, or the rest of one */
	bool only_read; /* the kernel does not answer shorter questions (confirm.c) */
	char buffer[512];
};

/* The mappings of this process. -errno of open(2). */
int maps_open(struct maps *ret);

/* 1 and the next entry, 0 after the last one, or a negative errno. */
int maps_next(struct maps *maps, struct maps_entry *ret);

/* The same without the name, where the stack is small. */
int maps_next_span(struct maps *maps, struct maps_span *ret);

static inline bool maps_holds(const struct maps_span *span, uintptr_t address)
{
	return span->start <= address && address < span->end;
}

/* 1 and the mapping that holds an address, of those that were not read yet, or 0 if there is none; a negative errno. */
int maps_find(struct maps *maps, uintptr_t address, struct maps_span *ret);

/* After these two: the first characters of the name, or the next ones. Returns how many, fewer than `room` if the name
 * ends, and then 0; or a negative errno. */
int maps_take_name(struct maps *maps, char *ret, size_t room);

/* Where the heap of brk(2) starts: the kernel never lets it end below that. -errno of open(2) or read(2), -EBADMSG. */
int maps_heap_start(uint64_t *ret);

/* Begins again with the first entry. -errno of lseek(2). */
int maps_rewind(struct maps *maps);

void maps_close(const struct maps *maps);

#endif

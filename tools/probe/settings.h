/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_SETTINGS_H
#define SEALMEM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_state {
	SETTING_FOUND,
	SETTING_ABSENT,	    /* this kernel does not have it */
	SETTING_UNSET,	    /* nobody set it */
	SETTING_UNREADABLE, /* not for us, or not without /proc */
};

/* Something about this machine or process that decides what can be had. */
struct setting {
	const char *name;
	enum setting_state state;
	bool is_number;
	bool in_bytes;
	uint64_t number; /* UINT64_MAX: unlimited */
	char word[80];
	char effect[160];
};

size_t settings_count(void);

void settings_read(struct setting *ret, size_t index);

/* The value as a person reads it: "8 MiB", "unlimited", "not readable". */
void settings_print(char *ret, size_t size, const struct setting *setting);

#endif

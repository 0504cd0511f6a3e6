/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_PROBE_SETTING_H
#define SEALMEM_TOOLS_PROBE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_state {
	SETTING_FOUND,
	SETTING_ABSENT,	    /* this kernel does not have it */
	SETTING_UNSET,	    /* nobody has set it */
	SETTING_UNREADABLE, /* this user may not read it, or /proc is not mounted */
};

/* A fact about this machine or process that decides which guarantees are available. */
struct setting {
	const char *name;
	enum setting_state state;
	bool is_number;
	bool in_bytes;
	uint64_t number; /* UINT64_MAX: unlimited */
	char word[80];
	char effect[160];
};

void setting_set_number(struct setting *s, uint64_t number);

/* The first `length` bytes of `word`. A character that cannot be printed becomes a question mark. */
void setting_set_word(struct setting *s, const char *word, size_t length);

void setting_set_string(struct setting *s, const char *word);

void setting_set_effect(struct setting *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For a setting that is found by trying: `err` is 0 or a negative errno. */
void setting_set_tried(struct setting *s, int err, const char *works, const char *otherwise);

/* For a file that could not be opened or read: `error` is a negative errno. */
void setting_set_missing(struct setting *s, const char *path, int error);

/* Sets the number that the file contains, or says that the file is missing. */
void setting_read_number(struct setting *s, const char *path);

/* Reads the beginning of a file as a string. Returns 0 or a negative errno. */
int setting_read_text(const char *path, char *ret, size_t size);

/* The value in the form for people: "8 MiB", "unlimited", "not readable". */
void setting_format(char *ret, size_t size, const struct setting *setting);

void setting_format_bytes(char *ret, size_t size, uint64_t bytes);

#endif

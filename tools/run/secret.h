/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_SECRET_H
#define SEALMEM_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct source;

/* Something that a program is to be given under a name. */
struct secret {
	const char *name;
	const struct source *source;
	const char *
		from; /* what the kind of source goes by: a path, a variable, a command, a number */
	int fd; /* where it is read from, if the source is a descriptor; then the sealed memfd */
};

/* From "NAME=SOURCE", which is taken apart in place. An exit code, or GO_ON. */
int secret_parse(struct secret *ret, char *text);

/* Whether it is read from the descriptor `fd`, and it goes away with that. */
bool secret_takes(const struct secret *secret, int fd);

/* Whether both are read from one descriptor. */
bool secret_same_source(const struct secret *a, const struct secret *b);

/* Reads the source, once, into a sealed memfd of at most `most` bytes and that mode; `fd` is then a
 * read-only descriptor of it, closed on exec. An exit code, or GO_ON. */
int secret_load(struct secret *secret, size_t most, mode_t mode);

/* Wipes what is left of it in this process and in what the program will inherit. */
void secret_forget(const struct secret *secret);

#endif

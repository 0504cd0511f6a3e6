/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SOURCE_H
#define SEALMEM_TOOLS_RUN_SOURCE_H

#include "tools/run/secret.h"

/* A kind of place that a secret comes from: one row of the table in source.c. */
struct source {
	const char *prefix;
	bool whole; /* the prefix is the whole source */
	bool once;  /* two secrets cannot come from the same source of this kind */
	bool is_command;
	/* NULL if every text is good. */
	enum exit_status (*parse)(struct secret *secret);
	/* Looks at the file that is the source, as fstat(2) does: 0, or -1 and errno. NULL if there is none. */
	int (*examine)(const struct secret *secret, struct stat *file);
	enum exit_status (*load)(const struct secret *secret, int memfd, size_t most);
	/* In place of load(): gives memory that somebody else has sealed, as it is. */
	enum exit_status (*take)(struct secret *secret, const struct secret_terms *terms);
	/* NULL if children do not inherit it. */
	void (*hide)(const struct secret *secret);
	/* NULL if nothing is left in this process. */
	void (*forget)(const struct secret *secret);
};

/* Never NULL: a text without a known prefix is the path of a file. */
const struct source *source_find(const char *text);

/* Copies everything that can be read from `from` into the memfd, at most `most` bytes. */
enum exit_status source_copy(const struct secret *secret, int memfd, int from, size_t most);

/* Errors that name the secret. `act` is a verb: "cannot ACT SOURCE". */
enum exit_status source_complain(const struct secret *secret, const char *act, int err);
enum exit_status source_complain_of_size(const struct secret *secret, size_t most);

/* Runs the source as a shell command and stores its output. */
enum exit_status source_load_command(const struct secret *secret, int memfd, size_t most);

#endif

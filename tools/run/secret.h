/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SECRET_H
#define SEALMEM_TOOLS_RUN_SECRET_H

#include "tools/common/errors.h"
#include "tools/run/owner.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sealmem_subscription;
struct source;
struct stat;

/* What applies to every secret. */
struct secret_terms {
	size_t most;	       /* bytes of a secret, */
	size_t published_most; /* and of what another process serves */
	mode_t mode;
	struct owner owner;
	bool may_be_empty;
	bool strip_newlines; /* those at the end, as $(...) of a shell does */
	bool follow;	     /* what another process serves is wanted later, too */
};

/* A value that the program receives under a name. */
struct secret {
	char *name;
	const struct source *source;
	const char *from; /* the text after the prefix: a path, a variable, a command, a number */
	char *socket,
		*offered; /* of --from: where it is served, and by which name; otherwise NULL */
	char *value;	  /* of a variable, where the process received it; otherwise NULL */
	struct sealmem_subscription
		*subscription; /* of --from, if it is followed; otherwise NULL */
	int fd;	    /* first the descriptor to read, if the source is one; later the sealed memfd */
	int number; /* the descriptor of the program */
};

/* Parses "NAME=SOURCE". The text must outlive the secret. */
enum exit_status secret_parse(struct secret *ret, const char *text);

void secret_release(struct secret *secret);

/* Whether both secrets come from one source that can be read only once. */
bool secret_same_source(const struct secret *a, const struct secret *b);

/* Reads the source, once, into a sealed memfd. Then `fd` is a read-only descriptor of it, closed on exec. */
enum exit_status secret_load(struct secret *secret, const struct secret_terms *terms);

/* Whether a command is executed to read the source. */
bool secret_is_of_command(const struct secret *secret);

/* Takes the source out of what the children of this process inherit. It can still be read. */
void secret_hide(const struct secret *secret);

/* Wipes the copy of the secret that is left in this process and that the program would inherit. */
void secret_forget(const struct secret *secret);

#endif

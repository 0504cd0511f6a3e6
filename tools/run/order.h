/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_ORDER_H
#define SEALMEM_TOOLS_RUN_ORDER_H

#include "tools/run/secret.h"
#include "tools/run/supervise.h"

/* What the options and arguments ask for. */
struct order {
	struct secret *secrets;
	size_t count;
	struct secret_terms terms;
	unsigned harden;	 /* HARDEN_ bits */
	unsigned ways;		 /* PASS_ bits */
	const char *image;	 /* NULL if it is not to be sealed */
	const char *secret_heap; /* NULL if the libraries keep their own */
	const char *files;	 /* NULL without --files, "" without a directory */
	bool self_paths; /* the paths lead to the descriptors of the process that opens them */
	int directory;	 /* of the credentials, or -1 */
	struct update on_update;
	char **argv; /* of the program */
	char **own;  /* the arguments of the subcommand */
};

/* Loads the secrets and executes the program. Returns only if that fails. */
enum exit_status order_start(struct order *order);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_ORDER_H
#define SEALMEM_TOOLS_SERVE_ORDER_H

#include "tools/serve/admission.h"
#include "tools/serve/offer.h"

#include <sys/types.h>

/* What the options and arguments ask for. */
struct serve_order {
	struct offer *offers;
	size_t count;
	const char *list;   /* the socket whose names are to be shown, or NULL */
	const char *socket; /* NULL for the usual path */
	mode_t mode;	    /* of the socket */
	bool has_mode;
	struct admission admission;
	size_t most; /* bytes of a file */
	unsigned clients,
		clients_of_user; /* the most at the same time; 0 for those of the library */
	const char *verify;	 /* a shell command, or NULL */
	unsigned verify_seconds; /* it may take so long */
	bool watch;		 /* read a file again when it changes */
	bool json;
};

/* Serves until a signal ends it. */
enum exit_status serve(struct serve_order *order);

/* Shows what another process serves at the socket. */
enum exit_status serve_list(const char *path, bool json);

#endif

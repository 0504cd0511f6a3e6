/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_WATCH_H
#define SEALMEM_TOOLS_SERVE_WATCH_H

#include "tools/serve/offer.h"

/* Which files may have changed. */
struct watch {
	int fd; /* readable when something has happened; -1 if nothing is watched */
	struct watched *entries;
	size_t count, room;
	bool *changed; /* one for each file */
	size_t files;
	int64_t due; /* when those are to be read again, in milliseconds; 0 if none has changed */
};

#define WATCH_NONE ((struct watch){ .fd = -1 })

/* Watches the files from now on, and where their paths lead now. What has changed before is forgotten, so the caller
 * reads after this. 0, or a negative errno: then what was watched before still is. */
int watch_begin(struct watch *watch, const struct offer *offers, size_t count);

void watch_end(struct watch *watch);

/* Reads what has happened. */
void watch_note(struct watch *watch);

/* How long poll(2) may wait: until files are to be read again, or -1. */
int watch_timeout(const struct watch *watch);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_WATCH_H
#define SEALMEM_TOOLS_AUDIT_WATCH_H

#include "tools/audit/views.h"

/* What a repeated audit has shown. */
struct watch;

/* From here on SIGINT and SIGTERM end the next wait, unless this process ignores them. */
struct watch *watch_new(double seconds);

/* Whether it has shown an answer. */
bool watch_has_begun(const struct watch *watch);

/* The first answer is whole. After it, JSON is whole, and a table shows the lines that have changed, with the time. */
void watch_print(struct watch *watch, const struct report *report, const struct view *view,
		 const struct view_options *options);

/* Whether the processes that were left out are others than last time. */
bool watch_is_new_to_say(struct watch *watch, const struct report *report);

/* Waits until the next audit. False if a signal ends the watch. */
bool watch_wait(const struct watch *watch);

void watch_free(struct watch **watch);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_WATCH_H
#define SEALMEM_TOOLS_SEAL_WATCH_H

#include "tools/seal/watch-pattern.h"

/* What `seal --watch` is to do. */
struct watch_order {
	struct patterns patterns;
	size_t pattern_count; /* as they were given */
	bool deep, enforce, json;
};

/* Seals what others start until a signal ends it. */
enum exit_status watch(const struct watch_order *order);

#endif

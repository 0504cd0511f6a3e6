/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OCCUPY_H
#define SEALMEM_OCCUPY_H

#include "lib/filter.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Occupies addresses below the ranges, which are sealed, with inaccessible pages: those at which the loader would be
 * refused to map a file, and those at which a ring of up to `ring` bytes could not be destroyed. What is mapped there
 * stays. The seal holds without these pages, so there is no error.
 */
void occupy_below(const struct filter_range *ranges, size_t count, uint64_t ring);

#endif

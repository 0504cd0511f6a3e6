/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_PREPARE_H
#define SEALMEM_OUTSIDE_PREPARE_H

#include "lib/util.h"
#include "outside/target.h"

struct prepared_object;

/* The file that takes the place of pages, as far as it can be made while the process runs. */
struct prepared {
	int file;   /* sealed; -1 if there is none */
	int reader; /* the same file, and can never write to it */
	struct scoped_mapping bytes;
	struct scoped_mapping buffer;	 /* for a part of those of the process */
	int pagemap;			 /* of the process; -1 if it cannot be read */
	struct prepared_object *objects; /* those of the plan */
};

#define PREPARED_NONE ((struct prepared){ .file = -1, .reader = -1, .pagemap = -1 })

/* Fills and seals it. Where that does not work, for any reason, there is none, and the bytes are copied later. */
void prepare(struct prepared *ret, const struct target *target, const struct mappings *mappings,
	     const struct plan *plan);

/* Whether it has the bytes that the process has now. */
bool prepared_holds(const struct prepared *prepared, const struct target *target,
		    const struct plan *plan);

void prepared_free(struct prepared *prepared);

#endif

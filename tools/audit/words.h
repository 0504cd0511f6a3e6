/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_WORDS_H
#define SEALMEM_AUDIT_WORDS_H

/*
 * What an audit says, as words: the same ones in the table, in JSON and in the picture.
 */

#include "audit/audit.h"

#include <stdio.h>

/* One row of an audit, and all that is needed to say something about it. */
struct view {
	const struct audit *audit;
	struct rules *rules;
	const struct process *process;
	const struct mapping *row;
	bool exact; /* sizes in bytes, and names as they are: what prints it escapes them */
};

typedef void put_words(FILE *out, const struct view *view);

#define SEAL_COUNT 6
extern const struct seal_word {
	int seal;
	const char *word;
} seal_words[SEAL_COUNT];

/* How a process has a memfd, by bit. */
#define HOLD_COUNT 4
extern const char *const hold_words[HOLD_COUNT];

put_words put_pid, put_process, put_address, put_end, put_row_size, put_permissions, put_kind,
	put_offset, put_device, put_inode, put_name;

/* "mseal write,grow,shrink,seal", "none", "unknown", or nothing for what cannot have any. */
put_words put_seals;

/* "CONTENT ADDRESS?": a question mark stands where it cannot be told. */
put_words put_guarantees;

put_words put_flags;

/* "1234 server (writable mapping), 1235 client (mapping)": who has it, if it is a memfd. */
put_words put_holders;

/* The rules that it breaks. */
put_words put_broken_rules;

bool breaks_a_rule(const struct view *view);

/* To be freed. */
char *text_of(put_words *put, const struct view *view);

/* "12K", "1.5M" */
void put_size(FILE *out, uint64_t bytes);

/* Of one process, or of all if it is NULL: "81 mappings, 12M: CONTENT 4K, ..., none 11M" */
void put_totals(FILE *out, const struct audit *audit, const struct process *process);

struct audit_totals totals_of(const struct audit *audit);

/* What could not be read, as a sentence, or nothing. */
void put_skipped(FILE *out, const struct audit *audit);

#endif

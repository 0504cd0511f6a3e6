/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_WORDS_H
#define SEALMEM_TOOLS_AUDIT_WORDS_H

/*
 * What an audit says, as words: the same ones in the table, in JSON and in the picture.
 */

#include "audit/report.h"
#include "tools/common/size.h"

#include <stdio.h>

/* Prints one thing that is known of a row. */
typedef void row_printer(FILE *out, const struct report_row *row);

#define SEAL_COUNT 6
extern const struct seal_word {
	int seal;
	const char *word;
} seal_words[SEAL_COUNT];

/* How a process has a memfd, by bit. */
#define HOLD_COUNT 4
extern const char *const hold_words[HOLD_COUNT];

row_printer row_pid_print, row_address_print, row_end_print, row_permissions_print, row_kind_print,
	row_offset_print, row_device_print, row_inode_print;

/* Escaped; and as it is, for a form that escapes by itself. */
row_printer row_process_print, row_exact_process_print;
row_printer row_name_print, row_exact_name_print;

/* "12K"; and in bytes. */
row_printer row_size_print, row_exact_size_print;

/* "mseal write,grow,shrink,seal", "none", "unknown", or nothing if it can have no seals. */
row_printer row_seals_print;

/* "CONTENT ADDRESS?": a question mark stands for unknown. */
row_printer row_guarantees_print;

row_printer row_flags_print;

/* "1234 server (writable mapping), 1235 client (mapping)": the processes that have the memfd. */
row_printer row_mark_print;
row_printer row_holders_print, row_exact_holders_print;

/* The rules that the row breaks. */
row_printer row_broken_rules_print;

/* "rwxp anon 12K at 7f0000001000 [anon:name]" */
row_printer row_description_print;

/* What the printer prints; to be freed. */
char *row_format(row_printer *print, const struct report_row *row);

/* The text with escapes, see put_escaped(); to be freed. */
char *escaped_format(const char *text);

/* The flags of all of its rows, and the rules that they break. */
void process_flags_print(FILE *out, const struct report_process *process);
void process_rules_print(FILE *out, const struct report_process *process,
			 const struct rules *rules);

/* "81 mappings, 12M: CONTENT 4K, ..., none 11M" */
void totals_print(FILE *out, const struct totals *totals);

/* The processes that could not be read, as a sentence, or nothing. */
void skipped_print(FILE *out, const struct report *report);

/* The same as a text, to be freed. */
char *skipped_format(const struct report *report);

/* "2026-11-29T12:34:56Z"; to be freed. */
char *time_format(const struct timespec *time);

#endif

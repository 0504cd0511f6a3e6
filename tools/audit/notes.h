/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_NOTES_H
#define SEALMEM_TOOLS_AUDIT_NOTES_H

#include "audit/report.h"

/* The end of a table for people: totals, what the flags mean, who shares which memfd, which rules nothing matches. No line
 * is wider than the terminal, as far as blanks allow. */
void notes_print(const struct report *report);

/* The first of these lines. */
void totals_note_print(const struct report *report);

#endif

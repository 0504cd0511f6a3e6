/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTPUT_H
#define SEALMEM_OUTPUT_H

/*
 * The two forms that a command answers in: tables for people, and JSON for programs. Every failure in
 * here is want of memory and ends the program.
 */

#include <json.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct column {
	const char *title;
	bool folds; /* between words, where the terminal is narrow */
};

struct libscols_table *table_new(const struct column *columns, size_t count);

/* One text for each column. */
struct libscols_line *table_row(struct libscols_table *table, const char *const *texts);

/* Only where colour is wanted. `colour` is a name that libsmartcols knows. */
void table_colour(struct libscols_line *line, size_t column, const char *colour);

/* On standard output; frees it. */
void table_print(struct libscols_table *table);

/* What every answer begins with: {"version": 1, "command": COMMAND, ...}. */
struct json_object *answer_new(const char *command);

/* NULL becomes null. */
struct json_object *json_text(const char *text);

/* An empty one as well. */
struct json_object *json_some_text(const char *text);

struct json_object *json_number(uint64_t number);
struct json_object *json_boolean(bool truth);

void json_add(struct json_object *object, const char *name, struct json_object *value);

/* A new list, as a member of `object`. */
struct json_object *json_list(struct json_object *object, const char *name);

void json_append(struct json_object *list, struct json_object *value);

/* On standard output; frees it. */
void answer_print(struct json_object *answer);

#endif

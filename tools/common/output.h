/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_OUTPUT_H
#define SEALMEM_TOOLS_COMMON_OUTPUT_H

/*
 * The two forms of an answer: tables for people, and JSON for programs. Every failure in here means that
 * memory ran out, and ends the program.
 */

#include <json.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct column {
	const char *title;
	bool folds; /* between words, if the terminal is narrow */
};

struct libscols_table *table_new(const struct column *columns, size_t count);

/* Adds a row with one text for each column. */
struct libscols_line *table_row(struct libscols_table *table, const char *const *texts);

/* Has an effect only if colour is wanted. `colour` is a name that libsmartcols knows. */
void table_colour(struct libscols_line *line, size_t column, const char *colour);

/* How wide the table is if no cell of it folds. */
size_t table_width(struct libscols_table *table);

/* Prints the table on standard output and frees it. */
void table_print(struct libscols_table *table);

/* A new answer, with the members that every answer has: {"version": 1, "command": COMMAND, ...}. */
struct json_object *answer_new(const char *command);

/* NULL becomes null. */
struct json_object *json_text(const char *text);

/* NULL and the empty text become null. */
struct json_object *json_some_text(const char *text);

struct json_object *json_number(uint64_t number);
struct json_object *json_boolean(bool truth);

void json_add(struct json_object *object, const char *name, struct json_object *value);

/* Adds a new object as a member of `object`. */
struct json_object *json_member(struct json_object *object, const char *name);

/* Adds a new list as a member of `object`. */
struct json_object *json_list(struct json_object *object, const char *name);

void json_append(struct json_object *list, struct json_object *value);

/* Prints the answer on standard output and frees it. */
void answer_print(struct json_object *answer);

/* The same in one line. */
void answer_line_print(struct json_object *answer);

#endif

/* SPDX-License-Identifier: MIT */

/*
 * JSON without json-c: values that are built once, written once and freed. tests/cli/json.bats compares what it writes
 * with what json-c writes.
 */

#include "tools/plain/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_WORD, FORM_STRING, FORM_LIST, FORM_OBJECT };

/* The members of an object or a list follow each other. A value of NULL is written as null. */
struct member {
	struct member *next;
	struct json_object *value;
	char *name;
};

struct json_object {
	enum form form;
	char *text;    /* the word or the string */
	char *written; /* what was asked for last */
	struct member *first, **end;
};

static struct json_object *make(enum form form, const char *text)
{
	struct json_object *object = calloc(1, sizeof(*object));

	if (object == NULL)
		return NULL;
	object->form = form;
	object->end = &object->first;
	object->text = strdup(text);
	if (object->text == NULL) {
		free(object);
		return NULL;
	}
	return object;
}

struct json_object *json_object_new_object(void)
{
	return make(FORM_OBJECT, "");
}

struct json_object *json_object_new_array(void)
{
	return make(FORM_LIST, "");
}

struct json_object *json_object_new_boolean(json_bool truth)
{
	return make(FORM_WORD, truth ? "true" : "false");
}

struct json_object *json_object_new_int(int32_t number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%" PRId32, number);
	return make(FORM_WORD, text);
}

struct json_object *json_object_new_uint64(uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	return make(FORM_WORD, text);
}

struct json_object *json_object_new_string(const char *text)
{
	return make(FORM_STRING, text);
}

int json_object_object_add(struct json_object *object, const char *name, struct json_object *value)
{
	struct member *member = calloc(1, sizeof(*member));

	if (member == NULL)
		return -1;
	*member = (struct member){ .name = strdup(name), .value = value };
	if (member->name == NULL) {
		free(member);
		return -1;
	}
	*object->end = member;
	object->end = &member->next;
	return 0;
}

int json_object_array_add(struct json_object *list, struct json_object *value)
{
	return json_object_object_add(list, "", value);
}

int json_object_put(struct json_object *object)
{
	struct member *next;

	if (object == NULL)
		return 0;
	for (struct member *m = object->first; m != NULL; m = next) {
		next = m->next;
		(void)json_object_put(m->value);
		free(m->name);
		free(m);
	}
	free(object->text);
	free(object->written);
	free(object);
	return 1;
}

/* An output, and how. */
struct writer {
	FILE *out;
	int flags;
};

static void write_character(FILE *out, unsigned char c)
{
	static const char named[] = "\b\n\r\t\f\"\\", names[] = "bnrtf\"\\";
	const char *at = c != '\0' ? strchr(named, c) : NULL;

	if (at != NULL)
		(void)fprintf(out, "\\%c", names[at - named]);
	else if (c < ' ')
		(void)fprintf(out, "\\u%04x", c);
	else
		(void)fputc(c, out);
}

static void write_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++)
		write_character(out, (unsigned char)*text);
	(void)fputc('"', out);
}

/* Before a member, and before what closes an object that has members. */
static void break_line(const struct writer *w, int depth)
{
	if (w->flags & JSON_C_TO_STRING_PRETTY)
		(void)fprintf(w->out, "\n%*s", 2 * depth, "");
}

static void write_value(const struct writer *w, const struct json_object *object, int depth);

static void write_members(const struct writer *w, const struct json_object *object, int depth)
{
	const char *ends = object->form == FORM_OBJECT ? "{}" : "[]";

	(void)fputc(ends[0], w->out);
	for (const struct member *m = object->first; m != NULL; m = m->next) {
		break_line(w, depth + 1);
		if (object->form == FORM_OBJECT) {
			write_string(w->out, m->name);
			(void)fputs(w->flags & JSON_C_TO_STRING_SPACED ? ": " : ":", w->out);
		}
		write_value(w, m->value, depth + 1);
		if (m->next != NULL)
			(void)fputc(',', w->out);
	}
	if (object->first != NULL)
		break_line(w, depth);
	(void)fputc(ends[1], w->out);
}

static void write_value(const struct writer *w, const struct json_object *object, int depth)
{
	if (object == NULL)
		(void)fputs("null", w->out);
	else if (object->form == FORM_WORD)
		(void)fputs(object->text, w->out);
	else if (object->form == FORM_STRING)
		write_string(w->out, object->text);
	else
		write_members(w, object, depth);
}

const char *json_object_to_json_string_ext(struct json_object *object, int flags)
{
	size_t size = 0;
	FILE *out;

	free(object->written);
	object->written = NULL;
	out = open_memstream(&object->written, &size);
	if (out == NULL)
		return NULL;
	write_value(&(struct writer){ out, flags }, object, 0);
	if (fclose(out) != 0)
		return NULL;
	return object->written;
}

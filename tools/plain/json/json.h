/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PLAIN_JSON_H
#define SEALMEM_PLAIN_JSON_H

/*
 * The functions of json-c that the command calls, for a system that has no json-c for its C library. They write what
 * json-c writes, and read nothing.
 */

#include <stdint.h>

#define JSON_C_TO_STRING_PLAIN	       0
#define JSON_C_TO_STRING_SPACED	       1
#define JSON_C_TO_STRING_PRETTY	       2
#define JSON_C_TO_STRING_NOSLASHESCAPE 16

typedef int json_bool;

struct json_object;

struct json_object *json_object_new_object(void);
struct json_object *json_object_new_array(void);
struct json_object *json_object_new_boolean(json_bool truth);
struct json_object *json_object_new_int(int32_t number);
struct json_object *json_object_new_uint64(uint64_t number);
struct json_object *json_object_new_string(const char *text);

/* The object owns the value from then on. They return 0, or -1 if memory has run out. A name comes once. */
int json_object_object_add(struct json_object *object, const char *name, struct json_object *value);
int json_object_array_add(struct json_object *list, struct json_object *value);

/* The text lives as long as the object. Slashes are never escaped. NULL if memory has run out. */
const char *json_object_to_json_string_ext(struct json_object *object, int flags);

/* Frees it, with all that it owns. Returns 1, as json-c does then. */
int json_object_put(struct json_object *object);

#endif

/* SPDX-License-Identifier: MIT */

/* The functions of json-c that the command uses. The library is loaded at the first call. */

#include "tools/common/library.h"

#include <json-c/json.h>

static struct library json = { .name = "libjson-c.so.5" };

#define JSON(type, name, parameters, arguments) LATE(&json, type, name, parameters, arguments)

JSON(struct json_object *, json_object_new_array, (void), ())
JSON(struct json_object *, json_object_new_object, (void), ())
JSON(struct json_object *, json_object_new_boolean, (json_bool value), (value))
JSON(struct json_object *, json_object_new_int, (int32_t value), (value))
JSON(struct json_object *, json_object_new_uint64, (uint64_t value), (value))
JSON(struct json_object *, json_object_new_string, (const char *text), (text))
JSON(int, json_object_array_add, (struct json_object * array, struct json_object *value),
     (array, value))
JSON(int, json_object_object_add,
     (struct json_object * object, const char *key, struct json_object *value),
     (object, key, value))
JSON(const char *, json_object_to_json_string_ext, (struct json_object * object, int flags),
     (object, flags))
JSON(int, json_object_put, (struct json_object * object), (object))

/* SPDX-License-Identifier: MIT */

/*
 * JSON of every kind that the command writes, in both of its forms, with every character. Built once with json-c and once
 * with tools/plain/json.c: see json.bats.
 */

#include <json.h>
#include <stdint.h>
#include <stdio.h>

static struct json_object *all_characters(void)
{
	char text[256];

	for (int c = 1; c < 256; c++)
		text[c - 1] = (char)c;
	text[255] = '\0';
	return json_object_new_string(text);
}

static struct json_object *everything(void)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_array();
	struct json_object *inner = json_object_new_object();

	json_object_object_add(all, "number", json_object_new_int(-1));
	json_object_object_add(all, "great", json_object_new_uint64(UINT64_MAX));
	json_object_object_add(all, "a \"name\"/\n", json_object_new_boolean(1));
	json_object_object_add(all, "false", json_object_new_boolean(0));
	json_object_object_add(all, "nothing", NULL);
	json_object_object_add(all, "empty", json_object_new_string(""));
	json_object_object_add(all, "no members", json_object_new_object());
	json_object_object_add(all, "no elements", json_object_new_array());
	json_object_object_add(inner, "characters", all_characters());
	json_object_array_add(list, inner);
	json_object_array_add(list, NULL);
	json_object_array_add(list, json_object_new_array());
	json_object_object_add(all, "list", list);
	return all;
}

int main(void)
{
	static const int forms[] = { JSON_C_TO_STRING_PLAIN,
				     JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED };
	struct json_object *all = everything();

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		(void)puts(json_object_to_json_string_ext(
			all, forms[i] | JSON_C_TO_STRING_NOSLASHESCAPE));
	return json_object_put(all) == 1 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */

/*
 * The table of the forms of the answer. The options, the help and the completions know them from here.
 */

#include "tools/audit/views.h"

#include <string.h>

const struct view views[VIEW_COUNT] = {
#define VIEW_ROW(name, meaning, traits) { #name, meaning, audit_##name##_print, traits },
	VIEWS(VIEW_ROW)
#undef VIEW_ROW
};

const struct view *view_find(const char *name)
{
	for (size_t i = 0; i < VIEW_COUNT; i++)
		if (strcmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

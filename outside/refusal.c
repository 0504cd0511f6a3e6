/* SPDX-License-Identifier: MIT */

/*
 * The sentences of refusals, and which errno means which. One table, so that the command, its JSON and its manual have the
 * same words.
 */

#include "outside/refusal.h"

#include <errno.h>
#include <stddef.h>

const struct refusal_row refusal_rows[REFUSAL_COUNT] = {
#define REFUSAL_ROW(number, word, text) [REFUSAL_##number] = { word, text },
	REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

enum refusal refusal_of(long err)
{
	static const struct {
		long err;
		enum refusal refusal;
	} rows[] = {
		{ -ESRCH, REFUSAL_GONE },
		{ -ENOENT, REFUSAL_GONE },
		{ -ENODATA, REFUSAL_NO_MEMORY_OF_ITS_OWN },
		{ -EACCES, REFUSAL_DENIED },
		{ -EPERM, REFUSAL_DENIED },
		{ -ENOMEM, REFUSAL_OUT_OF_MEMORY },
		{ -EMFILE, REFUSAL_OUT_OF_DESCRIPTORS },
		{ -ENFILE, REFUSAL_OUT_OF_DESCRIPTORS },
		{ -EBADMSG, REFUSAL_CHANGED },
		{ -ETIMEDOUT, REFUSAL_NO_ANSWER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].err == err)
			return rows[i].refusal;
	return err < 0 ? REFUSAL_UNKNOWN : REFUSAL_NONE;
}

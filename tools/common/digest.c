/* SPDX-License-Identifier: MIT */

/*
 * A SHA-256 as text, and compared. What computes it is in digest-libcrypto.c.
 */

#include "tools/common/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool digest_parse(struct digest *ret, const char *text)
{
	if (strlen(text) != 2 * sizeof(ret->bytes))
		return false;
	for (size_t i = 0; i < sizeof(ret->bytes); i++) {
		unsigned byte;

		if (!isxdigit((unsigned char)text[2 * i]) ||
		    !isxdigit((unsigned char)text[2 * i + 1]) ||
		    sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		ret->bytes[i] = (unsigned char)byte;
	}
	return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void digest_format(char ret[DIGEST_TEXT_SIZE], const struct digest *digest)
{
	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest->bytes[i]);
}

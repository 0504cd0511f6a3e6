/* SPDX-License-Identifier: MIT */

/*
 * The words that SEALMEM_IMAGE can have. `sealmem run --image` writes them. The preloaded object reads
 * them in another process, where it can ask nobody. So both take the words from here, and those of their reports.
 */

#include "preload/image-words.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
	{ "deep", IMAGE_DEEP },	    { "vdso", IMAGE_VDSO },	  { "filter", IMAGE_FILTER },
	{ "try", IMAGE_TRY },	    { "once", IMAGE_ONCE },	  { "later", IMAGE_LATER },
	{ "report", IMAGE_REPORT }, { "preload", IMAGE_PRELOAD }, { "outside", IMAGE_OUTSIDE },
};

static unsigned find_bit(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].word) == length && strncmp(words[i].word, word, length) == 0)
			return words[i].bit;
	return 0;
}

const char *image_words(const char *list, unsigned *ret)
{
	const char *unknown = NULL;

	*ret = 0;
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ",");
		unsigned bit = find_bit(list, length);

		if (bit == 0 && unknown == NULL)
			unknown = list;
		*ret |= bit;
		list += length + (list[length] == ',');
	}
	return unknown;
}

const char *image_guarantees(unsigned guarantees)
{
	switch (guarantees & (SEALMEM_CONTENT | SEALMEM_ADDRESS)) {
	case SEALMEM_CONTENT | SEALMEM_ADDRESS:
		return "CONTENT+ADDRESS";
	case SEALMEM_CONTENT:
		return "CONTENT";
	case SEALMEM_ADDRESS:
		return "ADDRESS";
	default:
		return "nothing";
	}
}

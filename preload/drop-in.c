/* SPDX-License-Identifier: MIT */

/*
 * The heap of an object that stands in for the secret memory of another library. The program does not know of it, so
 * it is the environment that says what it has to be. What is not known there is refused: it may be a demand.
 */

#include "preload/drop-in.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* As much as there are addresses for: a heap takes twice that of them. RLIMIT_AS may leave fewer. */
#define LIMIT	    ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 28))
#define LIMIT_LEAST ((size_t)1 << 20)

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
	{ "secrecy", DROP_IN_SECRECY },
};

static unsigned find_bit(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].word) == length && strncmp(words[i].word, word, length) == 0)
			return words[i].bit;
	return 0;
}

static int read_words(const char *list, unsigned *ret)
{
	*ret = 0;
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ",");
		unsigned bit = find_bit(list, length);

		if (bit == 0)
			return -EINVAL;
		*ret |= bit;
		list += length + (list[length] == ',');
	}
	return 0;
}

/* A child inherits the memory of those libraries, so NOFORK is not demanded by itself. */
static unsigned demand_of(unsigned wanted)
{
	return wanted & DROP_IN_SECRECY ? SEALMEM_SECRECY : SEALMEM_NOSWAP | SEALMEM_NODUMP;
}

int drop_in_heap(struct sealmem_heap **ret, const char *name)
{
	unsigned wanted;
	int err = read_words(getenv(DROP_IN_VARIABLE), &wanted);

	if (err < 0)
		return err;
	err = -ENOMEM;
	for (size_t limit = LIMIT; limit >= LIMIT_LEAST && err == -ENOMEM; limit /= 16)
		err = sealmem_heap_new(ret, name, limit, demand_of(wanted));
	return err;
}

/* SPDX-License-Identifier: MIT */

/*
 * The heap of an object that stands in for the secret memory of another library. The program does not know of it, so
 * it is the environment that says what it has to be. What is not known there is refused: it may be a demand.
 */

#include "preload/drop-in.h"

#include "lib/heap-internal.h"
#include "lib/line.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* The exit status of env(1) if it cannot start the program. */
#define EXIT_OURS 125

/* As much as there are addresses for: a heap takes twice that of them. RLIMIT_AS may leave fewer. */
#define LIMIT	    ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 28))
#define LIMIT_LEAST ((size_t)1 << 20)

__attribute__((used)) static const char mark[] = DROP_IN_MARK;

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
	{ "secrecy", DROP_IN_SECRECY },
	{ "start", DROP_IN_START },
	{ "report", DROP_IN_REPORT },
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
	int err = 0;

	*ret = 0;
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ",");
		unsigned bit = find_bit(list, length);

		err = bit == 0 ? -EINVAL : err;
		*ret |= bit;
		list += length + (list[length] == ',');
	}
	return err;
}

unsigned drop_in_wanted(void)
{
	static atomic_int known = -1;
	unsigned wanted;

	if (atomic_load(&known) < 0) {
		(void)read_words(getenv(DROP_IN_VARIABLE), &wanted);
		atomic_store(&known, (int)wanted);
	}
	return (unsigned)atomic_load(&known);
}

static void put_guarantees(struct line *line, unsigned guarantees)
{
	const char *between = "";

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (guarantees & bit) {
			line_put_text(line, between);
			line_put_text(line, sealmem_guarantee_name(bit));
			between = "+";
		}
}

void drop_in_begin(const char *what, int err, const struct sealmem_heap *h)
{
	struct line line = { 0 };

	if (err == 0 && !(drop_in_wanted() & DROP_IN_REPORT))
		return;
	line_put_text(&line, "sealmem: ");
	line_put_text(&line, program_invocation_short_name);
	line_put_text(&line, "[");
	line_put_number(&line, (uint64_t)getpid(), 10);
	line_put_text(&line, "]: ");
	line_put_text(&line, what);
	line_put_text(&line, err < 0 ? " is not replaced: " : " is a heap: ");
	if (err < 0)
		line_put_text(&line, sealmem_strerror(err));
	else
		put_guarantees(&line, sealmem_heap_guarantees(h));
	line_put_text(&line, "\n");
	line_write(&line, STDERR_FILENO);
	if (err < 0)
		_exit(EXIT_OURS);
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

int drop_in_share(_Atomic(struct sealmem_heap *) *made, const char *name)
{
	struct sealmem_heap *mine, *found = NULL;
	int err = atomic_load(made) == NULL ? drop_in_heap(&mine, name) : 1;

	if (err == 0 && !atomic_compare_exchange_strong(made, &found, mine))
		(void)sealmem_heap_free(mine);
	return err < 0 ? err : 0;
}

bool drop_in_has(struct sealmem_heap *h, const void *object)
{
	return heap_small_is(h, object) || heap_is_broken(h) || heap_large_is(h, object);
}

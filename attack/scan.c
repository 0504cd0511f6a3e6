/* SPDX-License-Identifier: MIT */

/*
 * A search for a secret in the whole process. It loads the bytes, because nothing else can read secret memory: neither
 * a system call nor /proc/self/mem. What it looks for exists inverted only. So it cannot find itself.
 */

#include "attack/scan.h"

#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/witness.h"
#include "lib/util.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Memory that a sanitizer has poisoned may be read here, at any address. */
#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined")))

/* A larger mapping is what a sanitizer knows of the memory. It has no bytes of the program. */
#define LARGEST ((uintptr_t)1 << (sizeof(uintptr_t) == 8 ? 36 : 31))

/* Pages of which the kernel is asked at once. */
#define BATCH 512

struct unaligned {
	uint64_t word;
} __attribute__((packed));

void secret_choose(struct secret *ret)
{
	for (size_t i = 0; i < SECRET_WORDS; i++)
		ret->inverted[i] = witness_seed();
}

void secret_write(const struct secret *secret, char *to)
{
	volatile uint64_t *words = (volatile uint64_t *)(void *)to;

	for (size_t i = 0; i < SECRET_WORDS; i++)
		words[i] = ~secret->inverted[i];
}

UNWATCHED int secret_is_at(const struct secret *secret, const char *at)
{
	const volatile struct unaligned *words =
		(const volatile struct unaligned *)(const void *)at;

	for (size_t i = 0; i < SECRET_WORDS; i++)
		if (~words[i].word != secret->inverted[i])
			return 0;
	return 1;
}

struct scan {
	const struct secret *secret;
	int pagemap;
	bool private;	       /* the mapping: it is of this process alone, and of no file */
	const char *at, *stop; /* where the secret may start */
	const char *end;       /* of the mapping */
	bool found;
};

static UNWATCHED void look_through(void *argument)
{
	struct scan *scan = argument;
	const uint64_t first = scan->secret->inverted[0];

	for (; scan->at < scan->stop && scan->at + SECRET_SIZE <= scan->end; scan->at++) {
		const volatile struct unaligned *here = (const void *)scan->at;

		if (~here->word == first && secret_is_at(scan->secret, scan->at)) {
			scan->found = true;
			return;
		}
	}
	scan->at = scan->stop;
}

static const char *page_at(uintptr_t number)
{
	return pointer((long)(number * page_size()));
}

/* A mapping can have pages that fault: guards, or what is past the end of a file. */
static void look_through_pages(struct scan *scan)
{
	while (!scan->found && scan->at < scan->stop)
		if (guarded(look_through, scan) < 0)
			scan->at = page_at((uintptr_t)scan->at / page_size() + 1);
}

/* What /proc/PID/pagemap says of a page that has no memory. If it is private, nobody has written to it. */
static bool is_empty(uint64_t entry)
{
	const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62;

	return !(entry & (present | swapped));
}

/* Sets `stop` after the pages that are like the one at `at`, with or without memory. A mapping can have very many
 * without. Each page counts as one with memory where the kernel does not tell, and where others share the pages. */
static bool find_run(struct scan *scan)
{
	uintptr_t page = (uintptr_t)scan->at / page_size();
	uintptr_t count = (uintptr_t)scan->end / page_size() - page, i = 1;
	uint64_t entries[BATCH];
	long got = sys_pread(scan->pagemap, entries, sizeof(entries),
			     (off_t)(page * sizeof(*entries)));

	if (!scan->private || got < (long)sizeof(*entries)) {
		scan->stop = scan->end;
		return true;
	}
	if (count > (uintptr_t)got / sizeof(*entries))
		count = (uintptr_t)got / sizeof(*entries);
	while (i < count && is_empty(entries[i]) == is_empty(entries[0]))
		i++;
	scan->stop = page_at(page + i);
	return !is_empty(entries[0]);
}

static void scan_mapping(struct scan *scan)
{
	while (!scan->found && scan->at < scan->end) {
		if (find_run(scan))
			look_through_pages(scan);
		else
			scan->at = scan->stop;
	}
}

/* "START-END PERMISSIONS OFFSET DEVICE INODE NAME" */
static bool parse(struct scan *scan, const char *line)
{
	uintptr_t start, end;
	char permissions[5];
	uint64_t inode;

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %" SCNu64, &start, &end,
		   permissions, &inode) != 4 ||
	    permissions[0] != 'r' || end - start > LARGEST || strstr(line, "[stack") != NULL)
		return false;
	scan->private = permissions[3] == 'p' && inode == 0;
	scan->at = pointer((long)start);
	scan->end = pointer((long)end);
	return true;
}

const char *scan_process(const struct secret *secret)
{
	CLEANUP(close_fd_at) int pagemap = sys_open("/proc/self/pagemap", O_RDONLY);
	struct scan scan = { .secret = secret, .pagemap = pagemap };
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	while (maps != NULL && !scan.found && fgets(line, sizeof(line), maps) != NULL)
		if (parse(&scan, line))
			scan_mapping(&scan);
	if (maps != NULL)
		(void)fclose(maps);
	return scan.found ? scan.at : NULL;
}

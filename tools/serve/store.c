/* SPDX-License-Identifier: MIT */

/*
 * What the manager of services keeps for the next start: the newest generation of each name. A descriptor has a title
 * there and nothing else, so the title has the name and the number. Numbers must not run backwards over a restart, and
 * the clock may.
 *
 * Nothing is lost if this process is killed between two steps: the next generation is stored before anybody gets it, and
 * the one that it replaces goes after that. If both are there at the next start, the newer one counts. Else somebody
 * could get the older one again, as one that is newer than what they have.
 */

#include "tools/serve/store.h"

#include "lib/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The longest name leaves room for the mark and 13 digits in this base. */
#define BASE 36

void store_title_format(char ret[STORE_TITLE], const char *name, uint64_t number)
{
	char digits[16] = { 0 };
	size_t at = sizeof(digits) - 1;

	do {
		digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % BASE];
		number /= BASE;
	} while (number > 0);
	(void)snprintf(ret, STORE_TITLE, "%s%c%s", name, MANAGER_MARK, digits + at);
}

/* A number that no clock has is none: those after it would be used up soon. */
bool store_title_parse(size_t *length, uint64_t *number, const char *title)
{
	const char *mark = strrchr(title, MANAGER_MARK);
	unsigned long long value;
	char *end;

	if (mark == NULL || !isalnum((unsigned char)mark[1]))
		return false;
	errno = 0;
	value = strtoull(mark + 1, &end, BASE);
	if (*end != '\0' || errno != 0 || value == 0 || value > INT64_MAX)
		return false;
	*length = (size_t)(mark - title);
	*number = value;
	return true;
}

uint64_t store_greatest(const struct manager *manager)
{
	uint64_t greatest = 0, number;
	size_t length;

	for (size_t i = 0; i < manager->stored_count; i++)
		if (store_title_parse(&length, &number, manager->stored[i].title) &&
		    number > greatest)
			greatest = number;
	return greatest;
}

bool store_is_of(const struct stored *stored, const char *name, uint64_t *number)
{
	size_t length;

	return stored->fd >= 0 && store_title_parse(&length, number, stored->title) &&
	       length == strlen(name) && memcmp(stored->title, name, length) == 0;
}

struct stored *store_newest(const struct manager *manager, const char *name, uint64_t *number)
{
	struct stored *newest = NULL;
	uint64_t own;

	for (size_t i = 0; i < manager->stored_count; i++)
		if (store_is_of(&manager->stored[i], name, &own) &&
		    (newest == NULL || own > *number)) {
			newest = &manager->stored[i];
			*number = own;
		}
	return newest;
}

int store_add(const struct manager *manager, const struct offer *offer, uint64_t number, int fd)
{
	char title[STORE_TITLE];

	if (manager->room == 0)
		return 0;
	store_title_format(title, offer->name, number);
	return manager_store(manager, title, fd);
}

int store_settle(const struct manager *manager, struct offer *offer, uint64_t number)
{
	char before[STORE_TITLE];
	int err = 0;

	if (manager->room == 0)
		return 0;
	store_title_format(before, offer->name, offer->stored);
	if (offer->stored != 0)
		err = manager_unstore(manager, before);
	offer->stored = number;
	return err;
}

void store_undo(const struct manager *manager, const struct offer *offer, uint64_t number)
{
	char title[STORE_TITLE];

	store_title_format(title, offer->name, number);
	if (manager->room > 0)
		(void)manager_unstore(manager, title);
}

void store_drop(struct stored *stored)
{
	stored->fd = close_fd(stored->fd);
	stored->past = true;
}

static bool is_kept(const char *title, const struct offer *offers, size_t count)
{
	char kept[STORE_TITLE];

	for (size_t i = 0; i < count; i++) {
		store_title_format(kept, offers[i].name, offers[i].stored);
		if (offers[i].stored != 0 && strcmp(kept, title) == 0)
			return true;
	}
	return false;
}

void store_clear(const struct manager *manager, const struct offer *offers, size_t count)
{
	for (size_t i = 0; i < manager->stored_count; i++) {
		const struct stored *stored = &manager->stored[i];

		if (stored->past && !is_kept(stored->title, offers, count))
			(void)manager_unstore(manager, stored->title);
	}
}

/* SPDX-License-Identifier: MIT */

/*
 * The text of /proc/PID/maps and smaps. The library reads such lines too (lib/maps.c): in a signal handler, about
 * its own process. The audit reads about another process, which may be hostile, and needs every field. So this
 * reader keeps whole names, knows VmFlags, and refuses what no kernel writes. Its rows are in order and do not
 * overlap, and the rest of the audit relies on that.
 *
 * One reader serves for both files: smaps is maps with lines "Key: value" below each mapping, and no mapping begins
 * with a capital letter.
 */

#include "audit/mapping.h"

#include "audit/lines.h"

#include "lib/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number and the one character after it. */
static bool take_number(const char **at, int base, char after, uint64_t *ret)
{
	const char *c = *at;
	uint64_t value = 0;

	for (; digit_value(*c) < base; c++)
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit_value(*c), &value))
			return false;
	if (c == *at || *c != after)
		return false;
	*ret = value;
	*at = c + 1;
	return true;
}

/* "rw-p " */
static bool take_protection(const char **at, struct mapping *mapping)
{
	static const struct {
		char letter;
		int bit;
	} letters[] = { { 'r', PROT_READ }, { 'w', PROT_WRITE }, { 'x', PROT_EXEC } };

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++, (*at)++) {
		if (**at != letters[i].letter && **at != '-')
			return false;
		mapping->protection |= **at == '-' ? 0 : letters[i].bit;
	}
	mapping->shared = **at == 's';
	if (**at != 's' && **at != 'p')
		return false;
	return *++*at == ' ' && (*at)++ != NULL;
}

/* "fd:01 " */
static bool take_device(const char **at, dev_t *ret)
{
	uint64_t high, low;

	if (!take_number(at, 16, ':', &high) || !take_number(at, 16, ' ', &low))
		return false;
	*ret = makedev((unsigned)high, (unsigned)low);
	return high <= UINT32_MAX && low <= UINT32_MAX;
}

/* The inode may be the last field of the line. */
static bool take_inode(const char **at, uint64_t *ret)
{
	return take_number(at, 10, ' ', ret) || (take_number(at, 10, '\0', ret) && (*at)-- != NULL);
}

static int parse_mapping(struct mapping *ret, const char *line)
{
	struct mapping mapping = { .memory.seals = SEALS_NONE };

	if (!take_number(&line, 16, '-', &mapping.start) ||
	    !take_number(&line, 16, ' ', &mapping.end) || !take_protection(&line, &mapping) ||
	    !take_number(&line, 16, ' ', &mapping.offset) ||
	    !take_device(&line, &mapping.memory.file.device) ||
	    !take_inode(&line, &mapping.memory.file.inode) || mapping.start >= mapping.end)
		return -EBADMSG;
	mapping.memory.name = strdup(line + strspn(line, " "));
	if (mapping.memory.name == NULL)
		return -ENOMEM;
	unescape_maps(mapping.memory.name);
	*ret = mapping;
	return 0;
}

static void parse_vm_flags(struct mapping *mapping, const char *words)
{
	static const struct {
		char word[3];
		unsigned bit;
	} known[] = {
		{ "sl", VM_SEALED },	 { "mw", VM_MAY_WRITE },  { "lo", VM_LOCKED },
		{ "dd", VM_NOT_DUMPED }, { "dc", VM_NOT_FORKED },
	};

	mapping->vm_known = true;
	while (*(words += strspn(words, " ")) != '\0') {
		size_t length = strcspn(words, " ");

		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (length == 2 && memcmp(words, known[i].word, 2) == 0)
				mapping->vm |= known[i].bit;
		words += length;
	}
}

/* The value, if the line has this key; otherwise NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) == 0 ? line + length : NULL;
}

static void parse_page_size(struct mappings *mappings, const char *value)
{
	uint64_t kilobytes;

	value += strspn(value, " ");
	if (take_number(&value, 10, ' ', &kilobytes) && kilobytes > 0 && kilobytes < 1 << 30 &&
	    (mappings->page == 0 || kilobytes * 1024 < mappings->page))
		mappings->page = kilobytes * 1024;
}

static int parse_detail(struct mappings *mappings, const char *line)
{
	const char *value;

	if (mappings->count == 0)
		return -EBADMSG;
	value = value_of(line, "VmFlags:");
	if (value != NULL)
		parse_vm_flags(&mappings->rows[mappings->count - 1], value);
	value = value_of(line, "KernelPageSize:");
	if (value != NULL)
		parse_page_size(mappings, value);
	return 0;
}

struct mapping *mappings_grow(struct mappings *mappings)
{
	size_t room = mappings->room > 0 ? 2 * mappings->room : 64;
	struct mapping *rows;

	if (mappings->count == mappings->room) {
		rows = reallocarray(mappings->rows, room, sizeof(*rows));
		if (rows == NULL)
			return NULL;
		mappings->rows = rows;
		mappings->room = room;
	}
	return &mappings->rows[mappings->count];
}

/*
 * The kernel continues after the end of the mapping that it wrote last, with the mappings of that moment. If a mapping
 * has grown in between, or covers others now, the kernel writes it again from its beginning. The new row replaces
 * the rows that it overlaps. The kernel never writes a row that ends before the last one.
 */
static int settle_overlap(struct mappings *mappings)
{
	struct mapping last = mappings->rows[mappings->count - 1];
	size_t kept = mappings->count - 1;

	if (kept > 0 && last.end <= mappings->rows[kept - 1].end)
		return -EBADMSG;
	while (kept > 0 && mappings->rows[kept - 1].end > last.start)
		free(mappings->rows[--kept].memory.name);
	mappings->rows[kept] = last;
	mappings->count = kept + 1;
	return 0;
}

static int add_mapping(struct mappings *mappings, const char *line)
{
	struct mapping *row = mappings_grow(mappings);
	int err;

	if (row == NULL)
		return -ENOMEM;
	err = parse_mapping(row, line);
	if (err < 0)
		return err;
	mappings->count++;
	return settle_overlap(mappings);
}

static int add_line(struct mappings *mappings, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (*line >= 'A' && *line <= 'Z')
		return parse_detail(mappings, line);
	return add_mapping(mappings, line);
}

static void free_line(char **line)
{
	free(*line);
}

int mappings_read(struct mappings *ret, FILE *in)
{
	CLEANUP(mappings_free) struct mappings mappings = { 0 };
	CLEANUP(free_line) char *line = NULL;
	size_t room = 0;

	for (errno = 0; getline(&line, &room, in) >= 0; errno = 0) {
		int err = add_line(&mappings, line);

		if (err < 0)
			return err;
	}
	if (ferror(in) || errno == ENOMEM)
		return errno != 0 ? -errno : -EIO;
	*ret = mappings;
	mappings = (struct mappings){ 0 };
	return 0;
}

void mapping_rename(struct mapping *mapping, const char *name)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return;
	free(mapping->memory.name);
	mapping->memory.name = copy;
}

void mappings_free(struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		free(mappings->rows[i].memory.name);
	free(mappings->rows);
	*mappings = (struct mappings){ 0 };
}

static bool same_mapping(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->protection == b->protection &&
	       a->shared == b->shared && a->offset == b->offset &&
	       same_file(a->memory.file, b->memory.file);
}

bool mappings_agree(const struct mappings *a, const struct mappings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_mapping(&a->rows[i], &b->rows[i]))
			return false;
	return true;
}

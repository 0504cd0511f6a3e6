/* SPDX-License-Identifier: MIT */

/* --list: what another process serves. It may be anybody who got at the path of the socket, so nothing that it says is
 * taken for more than a text, and it neither keeps this process waiting nor fills its memory. */

#include "tools/serve/log.h"
#include "tools/serve/order.h"

#include "tools/common/fit.h"
#include "tools/common/output.h"
#include "tools/common/size.h"
#include "tools/common/socket-path.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 10
#define MOST	10000

struct entry {
	char *name, *label;
	uint64_t generation, size;
	unsigned subscribers, holders;
};

struct listing {
	struct entry *entries;
	size_t count, room;
};

static void release(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->entries[i].name);
		free(listing->entries[i].label);
	}
	free(listing->entries);
}

static void make_room(struct listing *listing)
{
	listing->room = listing->room > 0 ? 2 * listing->room : 64;
	listing->entries =
		need(reallocarray(listing->entries, listing->room, sizeof(*listing->entries)));
}

static int add(const struct sealmem_published *published, void *data)
{
	struct listing *listing = data;

	if (listing->count == MOST)
		return -EFBIG;
	if (listing->count == listing->room)
		make_room(listing);
	listing->entries[listing->count++] = (struct entry){
		.name = escape_format(published->name),
		.label = escape_format(published->label),
		.generation = published->generation,
		.size = published->size,
		.subscribers = published->subscribers,
		.holders = published->holders,
	};
	return 0;
}

static void add_row(struct libscols_table *table, const struct entry *entry)
{
	char generation[32], size[32], holders[32];
	FILE *out = need(fmemopen(size, sizeof(size), "w"));

	size_print(out, entry->size);
	(void)fclose(out);
	(void)snprintf(generation, sizeof(generation), "%" PRIu64, entry->generation);
	(void)snprintf(holders, sizeof(holders), "%u of %u", entry->holders, entry->subscribers);
	(void)table_row(table, (const char *const[]){ entry->name, generation, size, holders,
						      entry->label });
}

static void print_table(const struct listing *listing)
{
	static const struct column columns[] = {
		{ "NAME", false },    { "GENERATION", false }, { "SIZE", false },
		{ "HOLDERS", false }, { "DIGEST", false },
	};
	static const struct give gives[] = { { .least = 8 }, { 0 }, { 0 }, { 0 }, { .least = 14 } };
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < listing->count; i++)
		add_row(table, &listing->entries[i]);
	table_fit(table, gives, (size_t)terminal_width());
	table_print(table);
}

/* NULL if the label is no digest. */
static const char *digest_in(const char *label)
{
	const char *digits = label + strlen(DIGEST_PREFIX);
	struct digest digest;

	return strncmp(label, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0 &&
			       digest_parse(&digest, digits)
		       ? digits
		       : NULL;
}

static void print_json(const struct listing *listing, const char *path)
{
	CLEANUP(free_text) char *shown = escape_format(path);
	struct json_object *answer = answer_new("serve"), *list;

	json_add(answer, "socket", json_text(shown));
	list = json_list(answer, "published");
	for (size_t i = 0; i < listing->count; i++) {
		const struct entry *entry = &listing->entries[i];
		struct json_object *object = need(json_object_new_object());

		json_add(object, "name", json_text(entry->name));
		json_add(object, "generation", json_generation(entry->generation));
		json_add(object, "size", json_number(entry->size));
		json_add(object, "sha256", json_text(digest_in(entry->label)));
		json_add(object, "label", json_some_text(entry->label));
		json_add(object, "subscribers", json_number(entry->subscribers));
		json_add(object, "holders", json_number(entry->holders));
		json_append(list, object);
	}
	answer_print(answer);
}

static enum exit_status complain_of(const char *path, int err)
{
	const char *why = err == -EACCES       ? "this user is not admitted"
			  : err == -EAGAIN     ? "it does not answer"
			  : err == -EFBIG      ? "the list has no end"
			  : err == -ECONNRESET ? "it has closed the connection"
					       : sealmem_strerror(err);

	return complain("serve", EXIT_FAILED, "cannot list what '%s' serves: %s", path, why);
}

enum exit_status serve_list(const char *path, bool json)
{
	CLEANUP(release) struct listing listing = { 0 };
	CLEANUP(close_fd_at) int fd = socket_path_connect(path, 0);
	int err;

	if (fd < 0)
		return complain("serve", EXIT_FAILED, "cannot connect to '%s': %s", path,
				strerror(-fd));
	err = socket_set_wait(fd, SECONDS);
	if (err == 0)
		err = sealmem_list_published(fd, add, &listing);
	if (err < 0)
		return complain_of(path, err);
	if (json)
		print_json(&listing, path);
	else
		print_table(&listing);
	return EXIT_YES;
}

/* SPDX-License-Identifier: MIT */

/* The log: one fact a line, on standard error, where a manager of services takes it. Each line has the same parts in the
 * same order, so that a person and a program find them. */

#include "tools/serve/log.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void print_text(FILE *out, const struct fact *fact, const char *digest)
{
	(void)fprintf(out, "sealmem: serve: %s", fact->event);
	if (fact->name != NULL)
		(void)fprintf(out, " %s", fact->name);
	if (fact->generation != 0)
		(void)fprintf(out, ": generation %" PRIu64, fact->generation);
	if (digest != NULL)
		(void)fprintf(out, ", %" PRIu64 " bytes, sha256 %s", fact->size, digest);
	if (fact->text != NULL) {
		(void)fputs(": ", out);
		put_escaped(out, fact->text, strlen(fact->text));
	}
	(void)fputc('\n', out);
}

/* As in RFC 3339, in UTC. */
static struct json_object *time_now(void)
{
	char text[sizeof("-2147483648-01-01T00:00:00Z")];
	time_t now = time(NULL);
	struct tm parts;

	if (gmtime_r(&now, &parts) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		return NULL;
	return json_text(text);
}

struct json_object *json_generation(uint64_t generation)
{
	char text[3 * sizeof(generation)];

	(void)snprintf(text, sizeof(text), "%" PRIu64, generation);
	return json_text(generation != 0 ? text : NULL);
}

static void print_json(FILE *out, const struct fact *fact, const char *digest)
{
	CLEANUP(free_text) char *text = fact->text != NULL ? escape_format(fact->text) : NULL;
	struct json_object *line = answer_new("serve");

	json_add(line, "time", time_now());
	json_add(line, "event", json_text(fact->event));
	json_add(line, "name", json_text(fact->name));
	json_add(line, "generation", json_generation(fact->generation));
	json_add(line, "size", digest != NULL ? json_number(fact->size) : NULL);
	json_add(line, "sha256", json_text(digest));
	json_add(line, "text", json_text(text));
	(void)fprintf(out, "%s\n",
		      (const char *)need((void *)(uintptr_t)json_object_to_json_string_ext(
			      line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	(void)json_object_put(line);
}

/* Written at once, so that no other line gets in between. */
void fact_print(const struct fact *fact, bool json)
{
	char digest[DIGEST_TEXT_SIZE];
	struct text_stream stream;
	CLEANUP(free_text) char *line = NULL;

	if (fact->digest != NULL)
		digest_format(digest, fact->digest);
	text_begin(&stream);
	(json ? print_json : print_text)(stream.out, fact, fact->digest != NULL ? digest : NULL);
	line = text_end(&stream);
	(void)fputs(line, stderr);
}

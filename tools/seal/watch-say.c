/* SPDX-License-Identifier: MIT */

#include "tools/seal/watch-say.h"

#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "tools/seal/view.h"
#include "lib/util.h"

#include <poll.h>
#include <string.h>

struct program_path program_path(int file)
{
	struct program_path path;
	ssize_t length = readlink(fd_path(file).text, path.text, sizeof(path.text) - 1);

	path.text[length > 0 ? length : 0] = '\0';
	return path;
}

/* A pipe that can take something takes PIPE_BUF bytes, and those in one piece. */
static void put(int fd, const char *text, int patience)
{
	struct pollfd waited = { .fd = fd, .events = POLLOUT };

	if (poll(&waited, 1, patience) > 0)
		(void)sys_write(fd, text, strlen(text));
}

static void put_json(struct json_object *object, int patience)
{
	CLEANUP(free_text) char *text = NULL;

	if (asprintf(&text, "%s\n",
		     (const char *)need((void *)(uintptr_t)json_object_to_json_string_ext(
			     object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE))) < 0)
		(void)need(text = NULL);
	put(STDOUT_FILENO, text, patience);
	(void)json_object_put(object);
}

static struct json_object *event_new(const struct watch_line *line, const char *event)
{
	struct json_object *object = answer_new("seal");
	CLEANUP(free_text) char *program = escape_format(line->program);

	json_add(object, "event", json_text(event));
	json_add(object, "pid", json_number((uint64_t)line->pid));
	json_add(object, "program", json_text(program));
	return object;
}

void say_ready(bool json, size_t patterns)
{
	CLEANUP(free_text) char *text = NULL;
	struct json_object *object;

	if (json) {
		object = answer_new("seal");
		json_add(object, "event", json_text("ready"));
		put_json(object, 0);
		return;
	}
	if (asprintf(&text, "sealmem: seal: ready: %zu pattern%s\n", patterns,
		     patterns == 1 ? "" : "s") < 0)
		(void)need(text = NULL);
	put(STDERR_FILENO, text, 0);
}

void say_sealed(const struct watch_line *line, const struct outside *process)
{
	CLEANUP(free_text) char *text = NULL, *program = escape_format(line->program);
	struct text_stream stream;
	struct json_object *object;

	if (line->json) {
		object = event_new(line, "sealed");
		process_json_add(object, process);
		put_json(object, line->patience);
		return;
	}
	text_begin(&stream);
	(void)fprintf(stream.out, "sealed %d (%s): ", (int)line->pid, program);
	process_line_print(stream.out, process);
	(void)fputs("\n", stream.out);
	text = text_end(&stream);
	put(STDOUT_FILENO, text, line->patience);
}

void say_failure(const struct watch_line *line, enum watch_fate fate, bool partly,
		 const struct refusal_row *reason)
{
	static const struct {
		const char *word, *text;
	} fates[FATES][2] = {
		[FATE_RUNS] = { { "unsealed", "runs unsealed" },
				{ "partly", "is sealed in part" } },
		[FATE_DENIED] = { { "denied", "is not started" }, { "denied", "is not started" } },
		[FATE_KILLED] = { { "killed", "is killed" }, { "killed", "is killed" } },
	};
	CLEANUP(free_text) char *text = NULL, *program = escape_format(line->program);
	struct json_object *object;

	if (line->json) {
		object = event_new(line, fates[fate][partly].word);
		json_add(object, "reason", json_text(reason->word));
		json_add(object, "message", json_text(reason->text));
		put_json(object, line->patience);
		return;
	}
	if (asprintf(&text, "sealmem: seal: process %d (%s) %s: %s\n", (int)line->pid, program,
		     fates[fate][partly].text, reason->text) < 0)
		(void)need(text = NULL);
	put(STDERR_FILENO, text, line->patience);
}

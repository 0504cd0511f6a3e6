/* SPDX-License-Identifier: MIT */

/*
 * Seals the image of a program that was not built for it. The loader runs the constructor of a
 * preloaded object after the constructors of the libraries that the program is linked with, and before
 * those of the program. At that time relocation is done, libraries that patch themselves have done so,
 * and nothing of the program has run.
 *
 * It is loaded at every start, so it is linked to be small: no start files, few segments, and no names
 * to look up but those that it calls.
 *
 * SEALMEM_IMAGE (image-words.c) says what it has to do. `sealmem run --image` sets that variable.
 * Preloaded by hand, without it, the object seals the default.
 */

#include "preload/image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The exit status of env(1) if it cannot start the program. */
#define EXIT_OURS 125

unsigned image_wanted;

/* An ELF note, because the linker drops other data that nothing refers to. Type 1 has another meaning, see
 * SEALMEM_IMAGE_EXCLUDE(). */
__attribute__((section(".note.sealmem"), used, aligned(4))) static const struct {
	uint32_t name_size, size, type;
	char name[sizeof("sealmem")];
	char mark[(sizeof(IMAGE_MARK) + 3) / 4 * 4];
} note = { sizeof(note.name), sizeof(note.mark), 2, "sealmem", IMAGE_MARK };

int image_flags(void)
{
	return (image_wanted & IMAGE_DEEP ? (int)SEALMEM_IMAGE_DEEP : 0) |
	       (image_wanted & IMAGE_VDSO ? (int)SEALMEM_IMAGE_VDSO : 0) |
	       (image_wanted & IMAGE_TRY ? (int)SEALMEM_IMAGE_TRY : 0);
}

/* One write, so that lines of several processes do not mix. */
void image_say(const char *text, int length, size_t size)
{
	size_t whole = (size_t)length < size ? (size_t)length : size - 1;

	(void)!write(STDERR_FILENO, text, whole);
}

void image_complain(const char *what, int err, const char *advice)
{
	/* Advice comes in the place of the full stop. */
	const char *why = sealmem_strerror(err);
	char line[512];

	image_say(line,
		  snprintf(line, sizeof(line), "sealmem: %s: %s is not sealed: %.*s%s\n",
			   program_invocation_short_name, what, (int)strlen(why) - 1, why, advice),
		  sizeof(line));
}

/* The program is often one that another sealed program started, under an emulator or valgrind. */
static const char *advice_for(int err)
{
	if (image_wanted & IMAGE_TRY)
		return "";
	if (err == -ETXTBSY)
		return ": a debugger has written to its code: attach it later, or leave out deep";
	if (image_wanted & IMAGE_ONCE)
		return ": use --image=try to run it all the same";
	return ": use --image=once to seal the first program alone, or --image=try to run this one "
	       "all the same";
}

static void report(const struct sealmem_image_report *r)
{
	char line[512], marked[64] = "";

	if (r->marked > 0)
		(void)snprintf(marked, sizeof(marked), "; %u marked: data %s %zu", r->marked,
			       image_guarantees(r->data.guarantees), r->data.size);

	image_say(
		line,
		snprintf(
			line, sizeof(line),
			"sealmem: %s[%d]: %u objects: relro %s %zu, text %s %zu, read-only %s %zu, "
			"vdso %s %zu; %u lazy, %u excluding, %u left%s; preloaded\n",
			program_invocation_short_name, (int)getpid(), r->objects,
			image_guarantees(r->relro.guarantees), r->relro.size,
			image_guarantees(r->text.guarantees), r->text.size,
			image_guarantees(r->read_only.guarantees), r->read_only.size,
			image_guarantees(r->vdso.guarantees), r->vdso.size, r->lazy, r->excluding,
			r->left, marked),
		sizeof(line));
}

/* NULL if the entry of an environment is of another variable. */
static char *value_of(char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1
									 : NULL;
}

/* Takes the first word out of a value. `sealmem run` puts it there. */
static void drop_first(char *value)
{
	char *rest = value + strcspn(value, ": ");

	memmove(value, rest + (*rest != '\0'), strlen(rest + (*rest != '\0')) + 1);
}

/* Whether nothing is left of a variable without what was put into it. */
static bool is_ours(char *entry)
{
	char *preloads = value_of(entry, "LD_PRELOAD");
	char *options = value_of(entry, IMAGE_ASAN_VARIABLE);
	char *value = preloads != NULL ? preloads : options;

	if (value == NULL)
		return value_of(entry, IMAGE_VARIABLE) != NULL;
	if (value == options && strncmp(value, IMAGE_ASAN_WORD, strlen(IMAGE_ASAN_WORD)) != 0)
		return false;
	drop_first(value);
	return *value == '\0';
}

/* In place, because main() gets the same array that environ points at. */
static void forget(char **environment)
{
	char **kept = environment;

	for (; *environment != NULL; environment++)
		if (!is_ours(*environment))
			*kept++ = *environment;
	*kept = NULL;
}

static int seal(struct sealmem_image_report *ret)
{
	int err = image_wanted & IMAGE_FILTER ? sealmem_allow_emulation() : 0;

	return err < 0 ? err : sealmem_seal_image((unsigned)image_flags(), ret);
}

__attribute__((constructor)) static void start(int argc, char **argv, char **environment)
{
	struct sealmem_image_report sealed;
	const char *list = getenv(IMAGE_VARIABLE);
	int err;

	(void)argc;
	(void)argv;
	(void)image_words(list, &image_wanted);
	err = seal(&sealed);
	if (err < 0 && (!(image_wanted & IMAGE_TRY) || image_wanted & IMAGE_REPORT))
		image_complain("the image", err, advice_for(err));
	if (err < 0 && !(image_wanted & IMAGE_TRY))
		_exit(EXIT_OURS);
	if (err == 0 && image_wanted & IMAGE_REPORT)
		report(&sealed);
	if (image_wanted & IMAGE_ONCE && list != NULL)
		forget(environment);
}

/* SPDX-License-Identifier: MIT */

/*
 * Seals the image of a program that was not built for it. The loader runs the constructor of a preloaded
 * object after those of what the program was linked with and before the program's own: relocation is
 * over, libraries that patch themselves have done so, and nothing of the program has run.
 *
 * It is loaded at every start, so it is linked to be small: no start files, few segments, no names to
 * look up but those it calls.
 *
 * What it is to do is in SEALMEM_IMAGE (image-words.c). `sealmem run --image` sets that;
 * preloaded by hand, without it, the object seals as by default.
 */

#include "preload/image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As env(1) ends where it could not start the program. */
#define EXIT_OURS 125

unsigned image_wanted;

int image_flags(void)
{
	return (image_wanted & IMAGE_DEEP ? (int)SEALMEM_IMAGE_DEEP : 0) |
	       (image_wanted & IMAGE_VDSO ? (int)SEALMEM_IMAGE_VDSO : 0) |
	       (image_wanted & IMAGE_TRY ? (int)SEALMEM_IMAGE_TRY : 0);
}

/* One write, so that lines of several processes do not mix. */
static void say(const char *text, int length, size_t size)
{
	size_t whole = (size_t)length < size ? (size_t)length : size - 1;

	(void)!write(STDERR_FILENO, text, whole);
}

void image_complain(const char *what, int err)
{
	char line[512];

	say(line,
	    snprintf(line, sizeof(line), "sealmem: %s: %s is not sealed: %s\n",
		     program_invocation_short_name, what, strerrordesc_np(-err)),
	    sizeof(line));
}

static const char *in_words(unsigned guarantees)
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

static void report(const struct sealmem_image_report *r)
{
	char line[512];

	say(line,
	    snprintf(line, sizeof(line),
		     "sealmem: %s[%d]: %u objects: relro %s %zu, text %s %zu, read-only %s %zu, "
		     "vdso %s %zu; %u lazy, %u excluding, %u left\n",
		     program_invocation_short_name, (int)getpid(), r->objects,
		     in_words(r->relro.guarantees), r->relro.size, in_words(r->text.guarantees),
		     r->text.size, in_words(r->read_only.guarantees), r->read_only.size,
		     in_words(r->vdso.guarantees), r->vdso.size, r->lazy, r->excluding, r->left),
	    sizeof(line));
}

static bool is_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* Takes the first word out of a value, which is this object: `sealmem run` puts it there. */
static void drop_first(char *value)
{
	char *rest = value + strcspn(value, ": ");

	memmove(value, rest + (*rest != '\0'), strlen(rest + (*rest != '\0')) + 1);
}

/* In place, for main() is given the same array that environ points at. */
static void forget(char **environment)
{
	char **kept = environment;

	for (; *environment != NULL; environment++) {
		if (is_variable(*environment, "LD_PRELOAD")) {
			char *value = *environment + strlen("LD_PRELOAD=");

			drop_first(value);
			if (*value == '\0')
				continue;
		}
		if (!is_variable(*environment, IMAGE_VARIABLE))
			*kept++ = *environment;
	}
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
		image_complain("the image", err);
	if (err < 0 && !(image_wanted & IMAGE_TRY))
		_exit(EXIT_OURS);
	if (err == 0 && image_wanted & IMAGE_REPORT)
		report(&sealed);
	if (image_wanted & IMAGE_ONCE && list != NULL)
		forget(environment);
}

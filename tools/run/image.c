/* SPDX-License-Identifier: MIT */

/*
 * `sealmem run --image`. The seal must happen inside the program, after its loader and before its first
 * instruction, so this file has an object preloaded that does it (preload/image.c), by way of preload.c, which
 * makes sure that the loader does so. The object itself ends a program that it cannot seal. A program that nothing can be
 * preloaded into is sealed by another process (image-outside.c).
 */

#include "tools/run/image.h"

#include "tools/common/errors.h"
#include "preload/image-words.h"
#include "tools/launch/rehearsal.h"
#include "tools/run/image-outside.h"
#include "tools/run/preload.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <string.h>

enum exit_status image_check_words(const char *list)
{
	unsigned set;
	const char *unknown = image_words(list, &set);

	if ((set & IMAGE_PRELOAD) && (set & IMAGE_OUTSIDE))
		return complain_of_usage("run", EXIT_OURS,
					 "--image takes either preload or outside");
	if (unknown == NULL)
		return EXIT_NOT_YET;
	return complain_of_usage("run", EXIT_OURS, "--image does not know '%.*s'",
				 (int)strcspn(unknown, ","), unknown);
}

/* Our object comes first, so its constructor runs last. */
static enum exit_status preload(const char *object, const char *list)
{
	enum exit_status code = preload_put_first("--image", object);

	if (code == EXIT_NOT_YET && preload_set_once(IMAGE_VARIABLE, list) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	return code == EXIT_NOT_YET ? preload_allow_with_asan() : code;
}

static enum exit_status check_kernel(unsigned wanted)
{
	if (wanted & (IMAGE_FILTER | IMAGE_TRY) || sealmem_mseal(NULL, 0, 0) == 0)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"--image: this kernel has no mseal(2), or a sandbox forbids it: use "
			"--image=filter, or --image=try to seal the contents of RELRO alone");
}

/* The program would run unsealed with a loader that does not preload, and nobody would know. */
static enum exit_status check_loader(const struct preload_subject *subject, const char *object)
{
	const struct rehearsal rehearsal = preload_rehearsal(subject, object);
	char reason[256];

	if (!preload_has_mark(object, IMAGE_MARK))
		return complain("run", EXIT_OURS,
				"--image: %s is not the object of this version of sealmem", object);
	if (rehearse(&rehearsal, reason, sizeof(reason)))
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"--image: '%s' cannot be sealed: its loader does not preload %s: %s",
			subject->name, object, reason);
}

static enum exit_status preload_to(const struct preload_subject *subject, const char *list)
{
	CLEANUP(free_text) char *object = NULL;
	enum exit_status code;
	const char *file;
	unsigned wanted;

	(void)image_words(list, &wanted);
	file = wanted & IMAGE_LATER ? "libsealmem-image-later.so" : "libsealmem-image.so";
	object = preload_find_object(file);
	code = check_kernel(wanted);
	if (code == EXIT_NOT_YET && object == NULL)
		return complain(
			"run", EXIT_OURS,
			"--image: %s is not installed: install it, or use sealmem from its build directory",
			file);
	if (code == EXIT_NOT_YET)
		code = preload(object, list);
	return code == EXIT_NOT_YET && !(wanted & IMAGE_TRY) ? check_loader(subject, object) : code;
}

/* As env(1) does it. */
static enum exit_status give_up(struct preload_subject *subject, unsigned wanted, const char *why,
				const char *advice)
{
	if (!(wanted & IMAGE_TRY))
		return complain("run", EXIT_OURS, "--image: '%s' cannot be sealed: %s%s",
				subject->name, why, advice);
	program_close(&subject->program);
	return EXIT_NOT_YET;
}

/* Somebody who traces it has to read it, and a program loses the privileges that its tracer does not have. */
static enum exit_status seal_from_outside(struct preload_subject *subject, unsigned wanted,
					  bool copied)
{
	if (copied)
		return give_up(subject, wanted, "it can only be sealed from outside",
			       ", and --no-dump forbids that");
	if (subject->obstacle == PRELOAD_IS_IMPOSSIBLE)
		return give_up(subject, wanted, subject->why, "");
	if (subject->obstacle == PRELOAD_GAINS_PRIVILEGE && !image_outside_keeps_privileges())
		return give_up(subject, wanted, subject->why,
			       ", which it would lose: run this as root");
	return image_outside_prepare(subject, wanted);
}

/* A command of one file has nothing to preload. */
#ifdef SEALMEM_ONE_FILE
static const bool preloads = false;
#else
static const bool preloads = true;
#endif

static bool goes_outside(const struct preload_subject *subject, unsigned wanted)
{
	if (wanted & (IMAGE_PRELOAD | IMAGE_OUTSIDE))
		return wanted & IMAGE_OUTSIDE;
	return subject->why != NULL || !preloads;
}

enum exit_status image_prepare(struct preload_subject *subject, const char *list, bool copied)
{
	unsigned wanted;

	(void)image_words(list, &wanted);
	if (goes_outside(subject, wanted))
		return seal_from_outside(subject, wanted, copied);
	if (subject->why != NULL)
		return give_up(subject, wanted, subject->why, "");
	return preload_to(subject, list);
}

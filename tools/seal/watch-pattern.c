/* SPDX-License-Identifier: MIT */

/*
 * Patterns for the paths of programs. The kernel tells a file by a path without symbolic links, so those of a pattern are
 * followed here: /bin/sh means /usr/bin/dash on one machine. Wildcards match a part of one name, never a slash.
 */

#include "tools/seal/watch-pattern.h"

#include "tools/common/text.h"
#include "lib/util.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static void add(char ***texts, size_t *count, char *text)
{
	*texts = need(reallocarray(*texts, *count + 1, sizeof(**texts)));
	(*texts)[(*count)++] = text;
}

/* A path that is matched as it is. */
static char *quote(const char *path)
{
	char *text = need(malloc(2 * strlen(path) + 1)), *end = text;

	for (; *path != '\0'; path++) {
		if (strchr("*?[\\", *path) != NULL)
			*end++ = '\\';
		*end++ = *path;
	}
	*end = '\0';
	return text;
}

/* The directory before the first name that has a wildcard, and the names from there on. */
static char *split(const char *text, const char **ret_rest)
{
	const char *end = text + strcspn(text, "*?[\\");

	while (*--end != '/')
		;
	*ret_rest = end + 1;
	return need(strndup(text, end > text ? (size_t)(end - text) : 1));
}

static void add_glob(struct patterns *patterns, const char *directory, const char *rest)
{
	CLEANUP(free_text) char *quoted = quote(directory);
	char *glob = NULL;

	if (asprintf(&glob, "%s/%s", strcmp(quoted, "/") != 0 ? quoted : "", rest) < 0)
		(void)need(NULL);
	add(&patterns->globs, &patterns->glob_count, glob);
}

/* What is not there yet will be on the file system of the nearest directory that is. */
static void add_place(struct patterns *patterns, const char *path)
{
	char *place = need(strdup(path)), *slash;

	while (access(place, F_OK) < 0 && (slash = strrchr(place, '/')) != NULL && slash > place)
		*slash = '\0';
	if (access(place, F_OK) < 0)
		(void)strcpy(place, "/");
	add(&patterns->places, &patterns->place_count, place);
}

/* Files that are there already may be on other file systems, or be links to other files. */
static void add_matches(struct patterns *patterns, const char *text)
{
	glob_t found;

	if (glob(text, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			CLEANUP(free_text) char *target = realpath(found.gl_pathv[i], NULL);

			if (target == NULL)
				continue;
			add_place(patterns, target);
			if (!patterns_match(patterns, target))
				add(&patterns->globs, &patterns->glob_count, quote(target));
		}
		globfree(&found);
	}
}

enum exit_status patterns_add(struct patterns *patterns, const char *text)
{
	CLEANUP(free_text) char *directory = NULL, *resolved = NULL;
	const char *rest;

	if (*text != '/' || text[strlen(text) - 1] == '/')
		return complain_of_usage("seal", EXIT_FAILED,
					 "'%s' is no absolute path of programs", text);
	directory = split(text, &rest);
	resolved = realpath(directory, NULL);
	add_glob(patterns, resolved != NULL ? resolved : directory, rest);
	add_place(patterns, resolved != NULL ? resolved : directory);
	add_matches(patterns, text);
	return EXIT_NOT_YET;
}

bool patterns_match(const struct patterns *patterns, const char *path)
{
	for (size_t i = 0; i < patterns->glob_count; i++)
		if (fnmatch(patterns->globs[i], path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static void free_all(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void patterns_free(struct patterns *patterns)
{
	free_all(patterns->globs, patterns->glob_count);
	free_all(patterns->places, patterns->place_count);
	*patterns = (struct patterns){ 0 };
}

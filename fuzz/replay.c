/* SPDX-License-Identifier: MIT */

/*
 * Runs each input that a fuzzer once found through its target again. This needs no fuzzer, so any compiler
 * and any machine can do it.
 *
 *     replay CORPUS
 *
 * A corpus is a text with one line of hexadecimal digits for each input, because hundreds of files of twenty
 * bytes would be no clearer. The program prints the number of inputs. A broken promise aborts it; the last
 * line that standard error names is the culprit.
 */

#include "fuzz/target.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes in place: the digits take twice the room. */
static size_t decode(char *line)
{
	uint8_t *bytes = (uint8_t *)line;
	size_t size = strcspn(line, "\n") / 2;

	for (size_t i = 0; i < size; i++) {
		const char digits[] = { line[2 * i], line[2 * i + 1], '\0' };
		char *end;

		bytes[i] = (uint8_t)strtoul(digits, &end, 16);
		if (*end != '\0')
			errx(EXIT_FAILURE, "no hexadecimal digits: %s", digits);
	}
	return size;
}

int main(int argc, char *argv[])
{
	FILE *corpus = argc == 2 ? fopen(argv[1], "re") : NULL;
	size_t room = 0;
	char *line = NULL;
	int replayed = 0;

	if (corpus == NULL)
		err(EXIT_FAILURE, "usage: replay CORPUS");
	while (getline(&line, &room, corpus) > 0) {
		(void)fprintf(stderr, "%s:%d\n", argv[1], replayed + 1);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)line, decode(line));
		replayed++;
	}
	free(line);
	(void)fclose(corpus);
	(void)printf("%d passed, 0 failed\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

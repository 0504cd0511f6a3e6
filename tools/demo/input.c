/* SPDX-License-Identifier: MIT */

/*
 * Reads a whole file of any kind: a regular file, a pipe, a device. No kind can be trusted to report its
 * length, so read(2) decides where the file ends, and a limit stops a file that has no end.
 */

#include "tools/demo/input.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* The buffer has room for one byte more than `most`, to see whether the file is longer. */
static int read_all(struct input *input, int fd, size_t most)
{
	while (input->size <= most) {
		ssize_t got = sys_read(fd, input->bytes + input->size, most + 1 - input->size);

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		input->size += (size_t)got;
	}
	return -EFBIG;
}

int input_read(struct input *ret, const char *path, size_t most)
{
	CLEANUP(close_fd_at) int opened = -1;
	CLEANUP(input_free) struct input input = { 0 };
	int fd = STDIN_FILENO, err;

	if (strcmp(path, "-") != 0)
		fd = opened = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	input.bytes = malloc(most + 1);
	if (input.bytes == NULL)
		return -ENOMEM;
	err = read_all(&input, fd, most);
	if (err < 0)
		return err;
	*ret = input;
	input.bytes = NULL;
	return 0;
}

int input_copy(struct input *ret, const char *text)
{
	char *bytes = strdup(text);

	if (bytes == NULL)
		return -ENOMEM;
	ret->bytes = bytes;
	ret->size = strlen(text);
	return 0;
}

void input_free(struct input *input)
{
	free(input->bytes);
	input->bytes = NULL;
}

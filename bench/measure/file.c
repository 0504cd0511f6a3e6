/* SPDX-License-Identifier: MIT */

/*
 * Measures how long it takes to turn a file into memory that cannot change.
 *
 *     measure-file WAY FILE
 *
 * anonymous: reads the file into anonymous memory, then calls mprotect. mapped: maps the file and gives it to
 * sealmem_region_new_from(). in-place: reads the file into an open region, then seals it. from-file: gives the
 * descriptor to sealmem_region_new_from_file(). calls: the system calls of that, and nothing else.
 */

#include "bench/contestants/contestant.h"

#include "include/sealmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, char *to, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, to, size);

		if (got <= 0)
			return false;
		to += got;
		size -= (size_t)got;
	}
	return true;
}

static const char *anonymous(int fd, size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED || !read_all(fd, data, size) || mprotect(data, size, PROT_READ) < 0)
		return NULL;
	return data;
}

static const char *mapped(int fd, size_t size)
{
	void *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	struct sealmem_region *r;

	if (file == MAP_FAILED ||
	    sealmem_region_new_from(&r, "file", file, size, SEALMEM_CONTENT) < 0)
		return NULL;
	(void)munmap(file, size);
	return sealmem_region_data(r);
}

static const char *in_place(int fd, size_t size)
{
	struct sealmem_region *r;
	char *data;

	if (sealmem_region_new(&r, "file", size, SEALMEM_CONTENT) < 0)
		return NULL;
	data = sealmem_region_alloc(r, size, 0);
	if (data == NULL || !read_all(fd, data, size) || sealmem_region_seal(r) < 0)
		return NULL;
	return data;
}

static const char *from_file(int fd, size_t size)
{
	struct sealmem_region *r;

	if (sealmem_region_new_from_file(&r, "file", fd, size, SEALMEM_CONTENT) < 0)
		return NULL;
	return sealmem_region_data(r);
}

static const char *calls(int fd, size_t size)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	int file = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t at = 0;
	void *data;

	while (file >= 0 && (size_t)at < size)
		if (sendfile(file, fd, &at, size - (size_t)at) <= 0)
			return NULL;
	if (file < 0 || fcntl(file, F_ADD_SEALS, seals) < 0)
		return NULL;
	data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	return data != MAP_FAILED ? data : NULL;
}

static const struct {
	const char *name;
	const char *(*load)(int fd, size_t size);
} ways[] = {
	{ "anonymous", anonymous }, { "mapped", mapped }, { "in-place", in_place },
	{ "from-file", from_file }, { "calls", calls },
};

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	struct stat file;
	size_t i = 0;

	if (fd < 0 || fstat(fd, &file) < 0)
		give_up("no file");
	while (i < sizeof(ways) / sizeof(*ways) && strcmp(ways[i].name, argv[1]) != 0)
		i++;
	if (i == sizeof(ways) / sizeof(*ways))
		give_up("no way named %s", argv[1]);
	mark();
	for (double begun = now(), ended = 0; ended == 0;) {
		const char *data = ways[i].load(fd, (size_t)file.st_size);

		if (data == NULL)
			give_up("%s: %s", argv[1], strerror(errno));
		(void)first_byte(data);
		ended = now();
		mark();
		printf("sealed %.0f\n", ended - begun);
	}
	return 0;
}

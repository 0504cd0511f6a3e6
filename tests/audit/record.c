/* SPDX-License-Identifier: MIT */

/*
 * Records a process for `sealmem audit --procfs`: prints everything that the audit reads of it, as lines for
 * "unpack". It is a program of its own so that it runs inside the kernels of tests/kernels, which have no shell and
 * only a console as a way out. Run it as root, so that it can read the seals of memfds that are closed.
 *
 *     record PROGRAM [ARGUMENT]...
 *
 * starts the program, waits for a line of its output for each argument, records it, and closes its standard input.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* The headers of a program are at its beginning. */
#define BEGINNING 1024

static int directory;
static pid_t recorded;

static void begin(const char *path)
{
	(void)printf("FILE %d/%s ", (int)recorded, path);
}

static void put_hex(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)printf("%02x", (unsigned char)bytes[i]);
}

/* At most `most` bytes, and then the line `more` if it is not NULL. */
static void put_file(const char *path, size_t most, const char *more)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	char buffer[BEGINNING];
	ssize_t got;

	if (fd < 0)
		return;
	begin(path);
	for (; most > 0 && (got = read(fd, buffer, sizeof(buffer))) > 0; most -= (size_t)got)
		put_hex(buffer, (size_t)got);
	if (more != NULL)
		put_hex(more, strlen(more));
	(void)puts("");
	(void)close(fd);
}

static void put_seals(const char *path)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	int seals = fcntl(fd, F_GET_SEALS);
	char name[512], text[16];

	(void)close(fd);
	if (seals < 0)
		return;
	(void)snprintf(name, sizeof(name), "%s.seals", path);
	(void)snprintf(text, sizeof(text), "%x\n", seals);
	begin(name);
	put_hex(text, strlen(text));
	(void)puts("");
}

static bool is_memory(const char *target)
{
	return strncmp(target, "/memfd:", 7) == 0 || strncmp(target, "/secretmem", 10) == 0;
}

static void put_mapped_file(const char *path, const char *target)
{
	struct stat status;

	if (is_memory(target))
		put_seals(path);
	else if (fstatat(directory, path, &status, 0) == 0 && S_ISREG(status.st_mode))
		put_file(path, BEGINNING, NULL);
}

static void put_descriptor(const char *path, const char *target)
{
	struct stat status;
	char info[512], device[64];

	if (!is_memory(target) || fstatat(directory, path, &status, 0) < 0)
		return;
	(void)printf("LINK %d/%s %s\n", (int)recorded, path, target);
	put_seals(path);
	(void)snprintf(info, sizeof(info), "fdinfo/%s", strchr(path, '/') + 1);
	(void)snprintf(device, sizeof(device), "dev:\t%02x:%02x\n", major(status.st_dev),
		       minor(status.st_dev));
	put_file(info, BEGINNING, device);
}

static void put_links(const char *name, void (*put)(const char *path, const char *target))
{
	DIR *links = fdopendir(openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	char path[512], target[PATH_MAX];

	while (links != NULL && (entry = readdir(links)) != NULL) {
		ssize_t length;

		(void)snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		length = readlinkat(directory, path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		put(path, target);
	}
	(void)closedir(links);
}

static void record(void)
{
	static const char *const files[] = { "status", "maps", "smaps" };
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)recorded);
	directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put_file(files[i], SIZE_MAX, NULL);
	put_links("map_files", put_mapped_file);
	put_links("fd", put_descriptor);
}

/* The output of the program goes to standard error. */
static void pass_lines(int from, int count)
{
	char byte;

	while (count > 0 && read(from, &byte, 1) == 1) {
		(void)fputc(byte, stderr);
		count -= byte == '\n';
	}
}

int main(int argc, char *argv[])
{
	int in[2], out[2];

	if (argc < 2 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return 2;
	recorded = fork();
	if (recorded == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	pass_lines(out[0], argc - 2);
	record();
	(void)close(in[1]);
	(void)waitpid(recorded, NULL, 0);
	return fflush(stdout) == 0 ? 0 : 1;
}

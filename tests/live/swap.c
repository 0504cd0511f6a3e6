/* SPDX-License-Identifier: MIT */

/*
 * Makes and frees regions while the kernel reclaims the memory of this process as fast as it can, and then counts how
 * many pieces of their bytes are on the swap device.
 *
 *     swap CGROUP SWAPFILE noswap|plain
 */

#include "include/sealmem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 60
#define PIECE  16

/* Of a piece, no byte is anywhere but in the regions. */
static unsigned char byte_of_piece(size_t at)
{
	return (unsigned char)("sealmem-on-swap!"[at % PIECE] ^ 0x41);
}

static void tell(const char *group, const char *file, const char *text)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* What cannot be reclaimed is an error of this one. */
	(void)!write(fd, text, strlen(text));
	(void)close(fd);
}

static pid_t start_reclaiming(const char *group)
{
	pid_t pid = fork();

	while (pid == 0)
		tell(group, "memory.force_empty", "0");
	return pid;
}

static void make_and_free(unsigned guarantees)
{
	size_t size = 64 * (size_t)getpagesize();
	struct sealmem_region *region;
	volatile unsigned char *data;

	if (sealmem_region_new(&region, "swap", size, guarantees) < 0)
		exit(2);
	data = sealmem_region_data(region);
	for (size_t at = 0; at < size; at++)
		data[at] = byte_of_piece(at);
	if (sealmem_region_seal(region) < 0)
		exit(2);
	/* So that the kernel reclaims in the midst of it. */
	(void)usleep(20000);
	(void)sealmem_region_free(region);
}

static int is_piece(const unsigned char *at)
{
	size_t i = 0;

	while (i < PIECE && at[i] == byte_of_piece(i))
		i++;
	return i == PIECE;
}

static long count_pieces(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	const unsigned char *bytes;
	struct stat status;
	long count = 0;

	sync();
	if (fstat(fd, &status) < 0)
		exit(2);
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		exit(2);
	for (off_t at = 0; at + PIECE <= status.st_size; at += PIECE)
		count += is_piece(bytes + at);
	return count;
}

int main(int argc, char **argv)
{
	unsigned guarantees = SEALMEM_CONTENT;
	pid_t reclaiming;

	if (argc != 4)
		return 2;
	if (strcmp(argv[3], "noswap") == 0)
		guarantees |= SEALMEM_NOSWAP;
	reclaiming = start_reclaiming(argv[1]);
	tell(argv[1], "cgroup.procs", "0");
	for (int i = 0; i < ROUNDS; i++)
		make_and_free(guarantees);
	(void)kill(reclaiming, SIGKILL);
	(void)waitpid(reclaiming, NULL, 0);
	printf("%ld\n", count_pieces(argv[2]));
	return 0;
}

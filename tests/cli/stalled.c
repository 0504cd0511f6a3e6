/* SPDX-License-Identifier: MIT */

/*
 * A process with code from a file system that never answers again. It serves the file system itself (FUSE) in a
 * child, in a mount namespace of its own, until it has mapped the file. From then on the child reads requests and
 * leaves them unanswered. It prints the address of the mapping, and stays until its standard input ends. With a NAME the
 * file is called so in the root of what is mounted nowhere, and mapped COUNT times, shared and without code.
 *
 *     stalled DIRECTORY [NAME COUNT]
 *
 * It exits with 77 if it may not mount such a file system.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2

static int device;

static void answer(const struct fuse_in_header *request, int error, const void *bytes, size_t size)
{
	struct {
		struct fuse_out_header header;
		char bytes[256];
	} out = { .header = { .len = (uint32_t)(sizeof(out.header) + size),
			      .error = error,
			      .unique = request->unique } };

	memcpy(out.bytes, bytes, size);
	(void)!write(device, &out, out.header.len);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FILE_NODE ? 1 << 20 : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0755 : S_IFDIR | 0755,
		.nlink = 1,
	};
}

static void answer_init(const struct fuse_in_header *request)
{
	const struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
					   .minor = 31,
					   .max_write = 4096 };

	answer(request, 0, &out, sizeof(out));
}

static void answer_lookup(const struct fuse_in_header *request)
{
	const struct fuse_entry_out out = { .nodeid = FILE_NODE, .attr = attributes(FILE_NODE) };

	answer(request, 0, &out, sizeof(out));
}

static void answer_attributes(const struct fuse_in_header *request)
{
	const struct fuse_attr_out out = { .attr = attributes(request->nodeid) };

	answer(request, 0, &out, sizeof(out));
}

static void answer_open(const struct fuse_in_header *request)
{
	const struct fuse_open_out out = { .fh = 1 };

	answer(request, 0, &out, sizeof(out));
}

static void serve(int until)
{
	union {
		struct fuse_in_header header;
		char bytes[FUSE_MIN_READ_BUFFER + 4096];
	} request;

	while (read(device, &request, sizeof(request)) > 0) {
		char byte;

		if (read(until, &byte, 1) == 0)
			continue;
		if (request.header.opcode == FUSE_INIT)
			answer_init(&request.header);
		else if (request.header.opcode == FUSE_LOOKUP)
			answer_lookup(&request.header);
		else if (request.header.opcode == FUSE_GETATTR)
			answer_attributes(&request.header);
		else if (request.header.opcode == FUSE_OPEN)
			answer_open(&request.header);
		else if (request.header.opcode != FUSE_FORGET)
			answer(&request.header, -ENOSYS, "", 0);
	}
}

static int mount_it(const char *directory)
{
	char options[128];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	(void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0",
		       device);
	return mount("stalled", directory, "fuse", MS_NOSUID, options);
}

struct file {
	const char *name;
	int count, protection, flags;
};

static void *map_file(const char *directory, const struct file *file)
{
	void *at = MAP_FAILED;
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, file->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < file->count; i++)
		at = mmap(NULL, (size_t)getpagesize(), file->protection, file->flags, fd, 0);
	/* Otherwise the exit would wait for an answer to this. */
	(void)close(fd);
	return at;
}

/* The end of the pipe says that the child answers no more. */
static pid_t start_serving(int until[2])
{
	pid_t pid = pipe2(until, O_CLOEXEC | O_NONBLOCK) == 0 ? fork() : -1;

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(until[1]);
		serve(until[0]);
		_exit(0);
	}
	return pid;
}

int main(int argc, char *argv[])
{
	struct file file = { "code", 1, PROT_READ | PROT_EXEC, MAP_PRIVATE };
	int until[2];
	pid_t server;
	void *at;
	char byte;

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (argc == 4)
		file = (struct file){ argv[2], atoi(argv[3]), PROT_READ, MAP_SHARED };
	if ((argc != 2 && argc != 4) || device < 0 || mount_it(argv[1]) < 0)
		return 77;
	server = start_serving(until);
	/* The server alone has it, so that its end releases everybody who waits for an answer. */
	(void)close(device);
	at = server > 0 ? map_file(argv[1], &file) : MAP_FAILED;
	/* The name of the file in maps then begins with its own root. */
	if (at == MAP_FAILED || (argc == 4 && umount2(argv[1], MNT_DETACH) < 0))
		return 1;
	(void)close(until[1]);
	(void)printf("stalled %lx\n", (unsigned long)at);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return 0;
}

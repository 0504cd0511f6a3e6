/* SPDX-License-Identifier: MIT */

/*
 * A daemon that keeps an unlocked key over its own upgrade. It reads the key from standard input when it starts for the
 * first time. On SIGHUP it gives a copy to the service manager and exits, and the manager starts the next version of it,
 * which takes the key back. Nobody has to unlock it again, and the key is in no file.
 *
 *     keeper < key
 *
 * It speaks the protocol of sd_notify(3) and sd_listen_fds(3). In a unit: Type=notify, FileDescriptorStoreMax=1,
 * Restart=always, LimitMEMLOCK= of some pages. SIGUSR1 has it print a sum of the key, SIGTERM has it exit. Exit status:
 * 0, it was asked to exit; 1, an error. Build: cc keeper.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The first descriptor that a service manager passes. */
#define FIRST_FD 3

#define LARGEST_KEY 4096

static int complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "keeper: %s: %s\n", what, why);
	return -1;
}

/* The socket of the service manager: a path, or an abstract name that starts with "@". */
static socklen_t find_manager(struct sockaddr_un *ret)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t length = name != NULL ? strlen(name) : 0;

	if (length == 0 || length >= sizeof(ret->sun_path))
		return 0;
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, name, length);
	if (*name == '@')
		ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Sends the text, and a descriptor if there is one. */
static int notify(const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct sockaddr_un manager = { 0 };
	struct iovec bytes = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr message = { .msg_name = &manager,
				  .msg_namelen = find_manager(&manager),
				  .msg_iov = &bytes,
				  .msg_iovlen = 1 };
	int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent = -1;

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	if (message.msg_namelen > 0 && socket_fd >= 0)
		sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	if (socket_fd >= 0)
		(void)close(socket_fd);
	return sent < 0 ? complain("service manager", "cannot be reached") : 0;
}

/* The descriptor that the manager has kept under the name "key"; -1 if it has none. */
static int find_stored(void)
{
	const char *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
	int fd = FIRST_FD;

	if (pid == NULL || names == NULL || strtol(pid, NULL, 10) != getpid())
		return -1;
	while (strncmp(names, "key", 3) != 0 || (names[3] != '\0' && names[3] != ':')) {
		names = strchr(names, ':');
		if (names == NULL)
			return -1;
		names++;
		fd++;
	}
	return fd;
}

static int take_back(struct sealmem_region **ret, int stored)
{
	int err;

	(void)fcntl(stored, F_SETFD, FD_CLOEXEC);
	err = sealmem_secret_restore(ret, stored, "key", SEALMEM_SECRECY | SEALMEM_CONTENT);
	if (err < 0)
		return complain("the stored key", sealmem_strerror(err));
	return notify("FDSTOREREMOVE=1\nFDNAME=key", -1);
}

static int unlock(struct sealmem_region **ret)
{
	int err = sealmem_region_new_from_file(ret, "key", STDIN_FILENO, LARGEST_KEY,
					       SEALMEM_SECRECY | SEALMEM_CONTENT);

	if (err < 0)
		return complain("standard input", sealmem_strerror(err));
	return sealmem_region_size(*ret) > 0 ? 0 : complain("standard input", "no key");
}

/* The manager has its own descriptor when the message is on its way. */
static int keep(const struct sealmem_region *key)
{
	int fd = sealmem_secret_store(key), err;

	if (fd < 0)
		return complain("storing the key", sealmem_strerror(fd));
	err = notify("FDSTORE=1\nFDNAME=key", fd);
	(void)close(fd);
	return err;
}

/* Stands for what a real daemon does with its key. */
static void use(const struct sealmem_region *key)
{
	const unsigned char *at = sealmem_region_data(key);
	unsigned sum = 2166136261u;

	for (size_t i = 0; i < sealmem_region_size(key); i++)
		sum = (sum ^ at[i]) * 16777619u;
	(void)printf("%08x\n", sum);
	(void)fflush(stdout);
}

static int serve(const struct sealmem_region *key, const sigset_t *signals)
{
	for (;;) {
		int signal = 0;

		if (sigwait(signals, &signal) != 0 || signal == SIGTERM)
			return 0;
		if (signal == SIGUSR1)
			use(key);
		/* A key that cannot be stored is not given up. */
		else if (keep(key) == 0)
			return 0;
	}
}

int main(void)
{
	struct sealmem_region *key = NULL;
	int stored = find_stored(), err;
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	err = stored >= 0 ? take_back(&key, stored) : unlock(&key);
	if (err == 0)
		err = notify(stored >= 0 ? "READY=1\nSTATUS=The key came back."
					 : "READY=1\nSTATUS=The key was unlocked.",
			     -1);
	if (err == 0)
		err = serve(key, &signals);
	(void)sealmem_region_free(key);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

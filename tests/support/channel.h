/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_CHANNEL_H
#define SEALMEM_TESTS_SUPPORT_CHANNEL_H

/*
 * The other end of a socket, played by the test: what an honest sender puts on it, and everything that
 * another one can. Nothing here uses the library, so that a format that changed by accident is noticed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* As sealmem_send() sends it, next to one descriptor. */
struct message {
	char magic[8];
	char name[248];
};

struct message honest_message(const char *name);

/* The most descriptors that Linux lets one message carry. */
#define MAX_DESCRIPTORS 253

struct channel {
	int sender;
	int receiver;
};

/* A pair of Unix sockets of the type, which may have SOCK_NONBLOCK. */
struct channel open_channel(int type);
void close_channel(const struct channel *channel);

#define SCOPED_CHANNEL CLEANUP(close_channel) struct channel

/* One sendmsg(2): its answer or a negative errno. Says nothing to Check, because a child may act at the same
 * time as its test, and the two would talk at once. */
ssize_t post(int socket, const void *bytes, size_t size, const int *fds, size_t count);

/* The same; the test fails unless all was taken. */
void post_all(int socket, const void *bytes, size_t size, const int *fds, size_t count);

/* What sealmem_send() would send of a region called "honest", the file of which is `fd`. */
void post_honest(int socket, int fd);

/* The descriptor of a message of which nothing else is looked at; -1 at the end. */
int take_descriptor(int socket);

/* A memfd that can be sealed, of that size, with fill()ed bytes. */
int filled_memfd(size_t size);

/* Adds seals, returns the descriptor. */
int with_seals(int fd, int seals);

/* The same file through another descriptor; the first is closed. */
int opened_again(int fd, int flags);

/* Has a write lease taken on the file of a descriptor that only reads, and returns it. An open(2) that waits
 * would wait for 45 seconds. */
int with_lease(int fd);

/* A file of a tmpfs; -1 where there is none. */
int tmpfs_file(void);

/* Reserves so many huge pages of this machine until the process of the test exits, however it does; false if
 * they are not available. */
bool have_huge_pages(unsigned count);

/* An empty memfd of huge pages, -1 if this kernel has none; what one page of it holds. */
int huge_memfd(void);
size_t huge_page_size(int fd);

/* On the clock that nobody sets. */
double seconds_now(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_KEEPER_H
#define SEALMEM_TESTS_FAULTS_KEEPER_H

/* Plays the manager of services: keeps what a service stores, and gives it to the next one. */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MOST_KEPT 8

struct kept {
	char title[256];
	int fd;
};

struct keeper {
	int socket; /* on which it is told */
	struct sockaddr_un address;
	socklen_t size;
	struct kept kept[MOST_KEPT];
	size_t count;
};

void keeper_begin(struct keeper *ret);
void keeper_end(struct keeper *keeper);

/* Obeys all that it was told. Returns how often it was told READY=1. */
unsigned keeper_hear(struct keeper *keeper);

/* In the process of a service: it has these descriptors and no others, besides standard error as `log`. */
void keeper_hand_over(const struct keeper *keeper, int listening, int log);

#endif

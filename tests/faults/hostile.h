/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_HOSTILE_H
#define SEALMEM_TESTS_FAULTS_HOSTILE_H

/* The list of what an attacker does while a function of the library is stopped between two of its system calls. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What an act can do, by which hostile.c says what must hold after it. */
enum effect {
	CHANGES = 1 << 0,    /* bytes of an open region, or of a range */
	DISPLACES = 1 << 1,  /* what is mapped at an address */
	EXCHANGES = 1 << 2,  /* the file that a descriptor of the library refers to */
	TAKES_BACK = 1 << 3, /* NOSWAP, NODUMP or NOFORK */
	INHERITS = 1 << 4,   /* memory, in a child that the C library knows nothing of */
	HOLDS = 1 << 5,	     /* the file of a secret, in this process or as root */
	LASTS = 1 << 6,	     /* so that no later seal of the same file succeeds */
	GIVES = 1 << 7,	     /* other input in the place of the caller's */
	LIMITS = 1 << 8,     /* what the process may have, until the act is undone */
};

#define MOST_TARGETS 16

/* What there is of the library in the process at that moment. */
struct target {
	pid_t process;
	int fds[MOST_TARGETS];
	unsigned fd_count;
	struct {
		char *start;
		size_t size;
	} maps[MOST_TARGETS];
	unsigned map_count;
	int given; /* the caller's own descriptor, or -1 */
	char *buffer;
	size_t buffer_size;
};

struct act {
	const char *name;
	unsigned effects;
	bool elsewhere;				    /* in another process */
	bool (*carry_out)(const struct target *to); /* false if there was nothing to act on */
};

extern const struct act acts[];
extern const size_t act_count;

/* What acts write. */
#define OTHER_BYTE  '!'
#define OTHER_PLACE 7

/* Writes again by every descriptor, mapping and child that the acts of this process hold. */
void hostile_write_again(void);

/* Raises the limits again. */
void hostile_undo(void);

/* And gives all back. */
void hostile_let_go(void);

#endif

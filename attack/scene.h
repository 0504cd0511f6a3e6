/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_SCENE_H
#define SEALMEM_ATTACK_SCENE_H

/*
 * One trial as its attack sees it, and the parts that attacks share. A scene lies in memory that
 * all processes of the trial share. There an attacker in another process finds the address of the
 * victim's memory, and the verdict finds what the attacker saw.
 */

#include "attack/attack.h"

#include <stdint.h>
#include <sys/types.h>

enum stage {
	STAGE_OPENING,
	STAGE_PREPARING,
	STAGE_SEALING,
	STAGE_ATTACKING,
	STAGE_READING,
	STAGE_OVER
};

struct scene {
	char *data; /* the memory under attack: whole pages, at least four */
	size_t size;
	size_t page;
	pid_t pid;     /* whose memory it is */
	long argument; /* of the attack's row */
	void *kept;    /* from before() to run(), if both are in the same process */

	/* What the owner knows of its memory. An attacker in another process does not. */
	const struct victim *victim;
	struct memory *memory;

	/* Only the functions below and the runner use the rest. */
	uint64_t seed;
	enum stage stage;
	int alive; /* a pipe: the victim writes to it, or it closes, when the victim is done */
	int helper_answer;
	enum outcome seen;
	size_t stolen;
	char loot[64];
	bool emulated;
	struct result result;
};

/* Attacks write this: no byte of a victim's pattern, and not zero. */
#define EVIL_BYTE 'E'
#define EVIL_WORD ((unsigned long)0x4545454545454545ULL)

/* An attack that cannot be tried here returns this. The reason is for people. */
int not_applicable(struct scene *scene, const char *reason);

/* Records an outcome that the attack saw itself, and that the bytes do not show afterwards. */
void saw(struct scene *scene, enum outcome outcome);

/* Records what the attacker read: they believe that it is the beginning of the memory. */
void steal(struct scene *scene, const void *bytes, size_t size);

/* Ordinary stores of evil bytes: 0, or -EFAULT for SIGSEGV and SIGBUS. */
int overwrite(char *at);

/* Fills memory of the attacker's own. */
void *evil_fill(void *at, size_t size);

/* New writable private memory, full of evil bytes. NULL if there is none. */
char *evil_memory(size_t size);

/* A file, or the read end of a pipe, with `size` evil bytes in it. */
int evil_file(size_t size);
int evil_pipe(size_t size);

/* Writes one evil word there. A negative `fd` is an error, and is returned. */
int evil_write(int fd, uintptr_t at);

/* How the victim's memory looks. */
enum sight { SIGHT_INTACT, SIGHT_DIFFERENT, SIGHT_UNREADABLE };

/* Looks at all but the last page. Nobody touches that before the verdict: it is a hole in its
 * file. */
enum sight look_at_filled(const struct scene *scene);
enum sight look(const struct scene *scene);

/* Another process of the attacker, which starts now and acts later. */
struct helper {
	pid_t pid;
	int wake;
};

int helper_start(struct helper *ret, struct scene *scene, int (*act)(struct scene *scene));

/* Wakes it, waits for it, and returns the value of act(), or -ECHILD if it died. */
int helper_act(const struct helper *helper, struct scene *scene);

/* Both at once. */
int helper_run(struct scene *scene, int (*act)(struct scene *scene));

/* Where an address of a process is mapped. */
struct place {
	uintptr_t start, end;
	uint64_t offset, inode;
	unsigned long major, minor;
};

/* -ENOENT if nowhere. */
int place_find(struct place *ret, pid_t pid, const void *addr);

/*
 * The number that a descriptor of the memory's file has in the victim's process: a writable one if
 * there is one. not_applicable() if there is none.
 */
int find_descriptor(struct scene *scene);

/* "/proc/PID/NAME" */
#define PROC_PATH_SIZE 64
void proc_path(char ret[PROC_PATH_SIZE], pid_t pid, const char *name);

/* Opens it; a negative errno on failure. */
int proc_open(pid_t pid, const char *name, int flags);

/* Opens the file of the memory again, through /proc: a new description with its own rights. */
int reopen(struct scene *scene, int flags);

#endif

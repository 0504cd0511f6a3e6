/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_SCENE_H
#define SEALMEM_BATTERY_SCENE_H

/*
 * One trial as its attack sees it, and what attacks have in common. A scene lies in memory that all
 * processes of the trial share, so an attacker in another process finds in it where the victim's
 * memory is, and the verdict finds in it what the attacker saw.
 */

#include "attack/attack.h"

#include <stdint.h>
#include <sys/types.h>

enum stage { OPENING, PREPARING, SEALING, ATTACKING, READING, OVER };

struct scene {
	char *data; /* the memory under attack: whole pages, at least four */
	size_t size;
	size_t page;
	pid_t pid;     /* whose memory it is */
	long argument; /* of the attack's row */
	void *kept;    /* from before() to run(), if both are in the same process */

	/* The rest is for the functions below, and for the runner. */
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

/* What attacks write: no byte of a victim's pattern, and not zero. */
#define EVIL_BYTE 'E'
#define EVIL_WORD 0x4545454545454545UL

/* What an attack returns that cannot be tried here. The reason is for people. */
int not_applicable(struct scene *scene, const char *reason);

/* What the attack has seen for itself, which reading the bytes back afterwards would not show. */
void saw(struct scene *scene, enum outcome outcome);

/* What the attacker got hold of: bytes from the beginning of the memory, or so he thinks. */
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

/* Writes one evil word there; without a descriptor, the error that there is instead. */
int evil_write(int fd, uintptr_t at);

/* The victim's memory as it should be, or not. */
enum sight { INTACT, DIFFERENT, UNREADABLE };

/* Everything but the last page, which is left untouched until the verdict: a hole in its file. */
enum sight look_at_filled(const struct scene *scene);
enum sight look(const struct scene *scene);

/* Another process of the attacker's, started now, which acts later. */
struct helper {
	pid_t pid;
	int wake;
};

int helper_start(struct helper *ret, struct scene *scene, int (*act)(struct scene *scene));

/* Wakes it, waits for it, returns what act() returned: -ECHILD if it died. */
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
 * The number of a descriptor, in the victim's process, of the file that the memory is: a writable one
 * if there is one. not_applicable() if there is none.
 */
int find_descriptor(struct scene *scene);

/* "/proc/PID/NAME" */
#define PROC_PATH_SIZE 64
void proc_path(char ret[PROC_PATH_SIZE], pid_t pid, const char *name);

/* opens it; a negative errno */
int proc_open(pid_t pid, const char *name, int flags);

/* The file of the memory once more, by way of /proc: a new description, with rights of its own. */
int reopen(struct scene *scene, int flags);

/* Attacks that the owner, a child, another process and root do alike: an evil word, or a look, through /proc/PID/mem;
 * an evil word by process_vm_writev. */
int write_mem(struct scene *scene);
int read_mem(struct scene *scene);
int write_vm(struct scene *scene);

#endif

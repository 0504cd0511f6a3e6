/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_H
#define SEALMEM_ATTACK_H

/*
 * The attacks: every way that we know in which user space changes, moves, reads or hides memory,
 * tried against every way to protect it. A promise about memory is only a hope until somebody tries
 * to break it. So each attack is carried out on the reader's own machine, and the bytes decide what
 * it did, not the answer of the kernel.
 *
 * Attacks are the rows of a table, and victims are its columns. An attack counts only if it
 * succeeds on memory that is not sealed, on the same machine: that is the control, the first
 * column. So an attack that a sandbox refuses, or that no longer works, is never mistaken for a
 * seal that held.
 *
 * To add an attack, write one function and one row in the file of its family, attacks/FAMILY.c. To
 * add a column, write one row in victims.c, with the functions that open and seal its memory. To
 * add a family, write its file, and name it in families.h and in meson.build.
 */

#include <stdbool.h>
#include <stddef.h>

struct heap;
struct memory;
struct scene;

/* What an attack is after. */
enum target {
	TARGET_CONTENT,
	TARGET_ADDRESS,
	TARGET_SECRECY,
	TARGET_AVAILABILITY,
	TARGET_ACCESS, /* loads and stores, also by a system call that is given the address */
	TARGET_HEAP,   /* other objects of a heap, freed ones, and what the heap knows of them */
	TARGET_COUNT
};

/* Where it comes from. VANTAGE_BEFORE is the process itself, which prepares something before the
 * seal. */
enum vantage {
	VANTAGE_SELF,
	VANTAGE_BEFORE,
	VANTAGE_CHILD,
	VANTAGE_SAME_USER,
	VANTAGE_ROOT,
};

/* The kinds of seal that an attack is known to get past, by design. The table says so; it is no
 * failure. */
enum gap {
	GAP_NONE = 0,
	GAP_EMULATED = 1, /* an address that the system call filter keeps, not mseal(2) */
	GAP_FILTERED = 2, /* availability, which the filter adds */
	GAP_CLOSED = 4,	  /* loads and stores, which a heap refuses while it is closed */
	GAP_ANY = 8,
};

struct attack {
	const char *name;
	const char *summary;
	enum target target;
	enum vantage vantage;
	const char *syscalls;

	/* before() and run() return 0, the negative errno that the attack met, or not_applicable().
	 * before() runs in the victim while its memory is open. undo() brings back memory that was
	 * only hidden. */
	int (*before)(struct scene *scene);
	int (*run)(struct scene *scene);
	void (*undo)(struct scene *scene);

	long argument; /* for run(), if several rows share it */
	bool accesses; /* by a plain load or store, or a system call that makes one: a promise of ACCESS refuses it */
	bool objects;	 /* is about the objects of a heap */
	bool after_free; /* is about one that was freed */
	bool privileged; /* needs root, from every vantage */
	bool dangerous;	 /* leaves a mark on the machine */
	unsigned gaps;
	const char *gap_reason;
};

struct family {
	const struct attack *attacks;
	size_t count;
};

#define FAMILY(name, rows)                                                                         \
 const struct family family_##name = { rows, sizeof(rows) / sizeof(*(rows)) }

struct victim {
	const char *name;
	const char *title; /* of its column */
	const char *brief; /* the title where room is scarce: four characters at most */
	const char *summary;
	unsigned promises; /* bits 1u << enum target; 0 for a protection of others */
	bool filtered;	   /* the system call filter keeps it available */
	bool gone;	   /* the seal frees it: there is nothing left to change, only to find */
	int (*open)(struct memory *memory);
	int (*seal)(struct memory *memory);

	/* If it is an object of a heap: how others of such a heap come and go. */
	const struct heap *heap;
	unsigned guarantees;
	bool closes; /* the seal closes the heap, and the owner opens it to look */
};

static inline bool victim_promises(const struct victim *victim, enum target target)
{
	return victim->promises & (1u << target);
}

enum outcome {
	OUTCOME_HELD,		/* intact; with the errno that the attack met, if any */
	OUTCOME_NO_SEAL,	/* intact: the seal was refused while the attack held the memory */
	OUTCOME_FOUND,		/* the heap noticed it: one line, and the program ended */
	OUTCOME_CHANGED,	/* other bytes */
	OUTCOME_DESTROYED,	/* cannot be read, or other memory is in its place */
	OUTCOME_HIDDEN,		/* could not be read for a while */
	OUTCOME_LEAKED,		/* the attacker has read the bytes */
	OUTCOME_NOT_APPLICABLE, /* not tried here: `reason` */
	OUTCOME_NO_VERDICT,	/* the trial itself failed: `reason` */
};

struct result {
	enum outcome outcome;
	int error; /* a negative errno, or 0 */
	char reason[120];
};

/* A victim on this machine. */
struct attack_column {
	const struct victim *victim;
	bool available;
	bool emulated;	  /* the system call filter keeps its address */
	int error;	  /* if it is unavailable: a negative errno, or 0 */
	char reason[120]; /* and what failed */
};

enum judgement {
	JUDGEMENT_PASSED,     /* held, or not applicable */
	JUDGEMENT_UNPROMISED, /* did not hold, and nobody promised it */
	JUDGEMENT_BY_DESIGN,  /* did not hold: a known gap */
	JUDGEMENT_BROKEN,     /* did not hold, and was promised */
};

/* One attack on one column. */
struct attack_cell {
	struct result result;
	enum judgement judgement;
};

/* Counts of cells in columns that promise something. */
struct attack_summary {
	unsigned held, broken, by_design, unpromised, not_tried;
};

const struct attack *attack_at(size_t index); /* NULL past the last */
const struct attack *attack_find(const char *name);
const struct victim *victim_at(size_t index); /* likewise */
const struct victim *victim_find(const char *name);

const char *attack_target_name(enum target target);
const char *attack_vantage_name(enum vantage vantage);
const char *attack_outcome_name(enum outcome outcome);

/* "EPERM"; "" for 0. */
const char *attack_error_name(int error);

struct attack_settings {
	bool dangerous; /* also the attacks that leave a mark on the machine */
	unsigned limit; /* for one trial, in seconds */
};

#define ATTACK_SETTINGS                                                                            \
 {                                                                                                 \
  .limit = 20                                                                                      \
 }

/* Whether a victim is available here. */
void attack_try_column(struct attack_column *ret, const struct victim *victim,
		       const struct attack_settings *settings);

/* One attack on memory that is not sealed: shared first, then private if it fails there. */
void attack_try_control(struct result *ret, const struct attack *attack,
			const struct attack_settings *settings);

/* One attack on one victim. An attack that does nothing to the control says nothing about a seal:
 * it is not applicable. No process outlives the trial. */
void attack_try(struct result *ret, const struct attack *attack, const struct victim *victim,
		const struct result *control, const struct attack_settings *settings);

/* What the result means for the promises of the column. */
enum judgement attack_judge(const struct attack *attack, const struct attack_column *column,
			    const struct result *result);

/* attack_try() on the victim of a column, and the judgement. */
void attack_try_cell(struct attack_cell *ret, const struct attack *attack,
		     const struct attack_column *column, const struct result *control,
		     const struct attack_settings *settings);

/* Leaves a column without promises out. */
void attack_summary_add(struct attack_summary *summary, const struct attack_column *column,
			const struct attack_cell *cell);

/* Enough for the two functions that follow. */
#define ATTACK_CELL_SIZE 64

/* "!" for a broken promise, "*" for a gap by design, or "". */
const char *attack_judgement_mark(enum judgement judgement);

/* "held EPERM", "CHANGED", "n/a", ... */
void attack_result_format(char *ret, size_t size, const struct result *result);

/* The same with a mark: "CHANGED!" for a broken promise, "CHANGED*" for a gap by design. */
void attack_cell_format(char *ret, size_t size, const struct attack_cell *cell);

#endif

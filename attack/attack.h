/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_H
#define SEALMEM_BATTERY_H

/*
 * The battery: every way that we know in which user space changes, moves, reads or hides memory, tried
 * against every way to protect it. A promise about memory that nobody tries to break is a hope. So
 * each attack is carried out, on the reader's own machine, and judged by what it did to the bytes, not
 * by what the kernel answered.
 *
 * Attacks are the rows of a table, victims its columns. An attack counts only where it works on memory
 * that is not sealed, on the same machine: that is the control, the first column. An attack that a
 * sandbox refuses, or that has stopped working, is thereby never mistaken for a seal that held.
 *
 * Who adds an attack writes one function and one row in the file of its family; who adds a victim, the
 * same in victims.c.
 */

#include <stdbool.h>
#include <stddef.h>

struct memory;
struct scene;

/* What an attack is after. */
enum target { CONTENT, ADDRESS, SECRECY, AVAILABILITY, TARGETS };

/* From where it is carried out. BEFORE is the process itself, with something prepared before the seal. */
enum vantage { SELF, BEFORE, CHILD, SAME_USER, ROOT, VANTAGES };

/* Ways to seal that an attack is known to get past, by design: said in the table, and no failure. */
enum gap {
	GAP_NONE = 0,
	GAP_EMULATED = 1, /* an address kept by the system call filter, not by mseal(2) */
	GAP_FILTERED = 2, /* availability, which the filter adds */
	GAP_ANY = 4,
};

struct attack {
	const char *name;
	const char *summary;
	enum target target;
	enum vantage vantage;
	const char *syscalls;

	/* Both return 0 or the negative errno that the attack met, or not_applicable(). before() runs
	 * in the victim while its memory is open; undo() gives back what was only hidden. */
	int (*before)(struct scene *scene);
	int (*run)(struct scene *scene);
	void (*undo)(struct scene *scene);

	long argument;	 /* for run(), where rows share a function */
	bool privileged; /* needs root, wherever it comes from */
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
	const char *summary;
	unsigned promises; /* bits 1u << enum target; 0 for what others do */
	bool filtered;	   /* availability by the system call filter */
	int (*open)(struct memory *memory);
	int (*seal)(struct memory *memory);
};

enum outcome {
	HELD,	   /* intact; with the errno that the attack met, if any */
	NO_SEAL,   /* intact, for the seal was refused while the attack had a hold of the memory */
	CHANGED,   /* other bytes */
	DESTROYED, /* cannot be read, or other memory is in its place */
	HIDDEN,	   /* could not be read, and came back */
	LEAKED,	   /* the attacker had read the bytes */
	NOT_APPLICABLE, /* was not tried here: `reason` */
	NO_VERDICT,	/* the trial itself came to grief: `reason` */
	OUTCOMES
};

struct result {
	enum outcome outcome;
	int error; /* a negative errno, or 0 */
	char reason[120];
};

/* A victim on this machine. */
struct battery_column {
	const struct victim *victim;
	bool given;
	bool emulated;	  /* its address is kept by the system call filter */
	int error;	  /* if not given: a negative errno, or 0 */
	char reason[120]; /* and what it is about */
};

enum judgement {
	PASSED,	    /* held, or not applicable */
	UNPROMISED, /* did not hold, and nobody said that it would */
	BY_DESIGN,  /* did not hold: a known gap */
	BROKEN,	    /* did not hold, and was promised */
};

const struct attack *battery_attack(size_t index); /* NULL past the last */
const struct attack *battery_find_attack(const char *name);
const struct victim *battery_victim(size_t index); /* likewise */
const struct victim *battery_find_victim(const char *name);

const char *battery_target_name(enum target target);
const char *battery_vantage_name(enum vantage vantage);
const char *battery_outcome_name(enum outcome outcome);

/* "EPERM"; "" for 0. */
const char *battery_error_name(int error);

struct battery_settings {
	bool dangerous; /* also the attacks that leave a mark on the machine */
	unsigned limit; /* for one trial, in seconds */
};

#define BATTERY_SETTINGS                                                                           \
 {                                                                                                 \
  .limit = 20                                                                                      \
 }

/* Whether a victim can be had here. */
void battery_try_column(struct battery_column *ret, const struct victim *victim,
			const struct battery_settings *settings);

/* One attack on memory that is not sealed, shared or private: on whichever it succeeds. */
void battery_try_control(struct result *ret, const struct attack *attack,
			 const struct battery_settings *settings);

/* One attack on one victim. One that did nothing to the control either is not applicable: it says
 * nothing about a seal. No process is left behind. */
void battery_try(struct result *ret, const struct attack *attack, const struct victim *victim,
		 const struct result *control, const struct battery_settings *settings);

enum judgement battery_judge(const struct attack *attack, const struct battery_column *column,
			     const struct result *result);

/* "held EPERM", "CHANGED", "n/a", ... */
void battery_print_result(char *ret, size_t size, const struct result *result);

#endif

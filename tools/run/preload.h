/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_PRELOAD_H
#define SEALMEM_TOOLS_RUN_PRELOAD_H

#include "tools/common/errors.h"
#include "tools/launch/program.h"
#include "tools/launch/rehearsal.h"

#include <link.h>
#include <stdbool.h>

/* The facts that decide whether the loader preloads an object. */
struct preload_elf {
	ElfW(Ehdr) header;
	char loader[256]; /* empty if the program has none */
	bool has_loader;  /* its name may be too long to be stored */
	bool needs_any;	  /* it is linked with a shared object */
};

/* Of what kind the reason is. */
enum preload_obstacle {
	PRELOAD_HAS_NO_OBSTACLE,
	PRELOAD_NEEDS_LOADER,	 /* it has none, or another one */
	PRELOAD_GAINS_PRIVILEGE, /* so its loader ignores the request */
	PRELOAD_IS_IMPOSSIBLE,	 /* in every way */
};

/* A program that something is preloaded into, and what the kernel executes for it: the interpreter if it is a script. */
struct preload_subject {
	const char *name; /* as the caller gave it */
	struct program program;
	struct program interpreter; /* none if the program is no script */
	struct preload_elf elf;
	const char *why; /* nothing can be preloaded into it; NULL if something can */
	enum preload_obstacle obstacle;
};

#define PRELOAD_SUBJECT_NONE                                                                       \
 ((struct preload_subject){ .program = PROGRAM_NONE, .interpreter = PROGRAM_NONE })

void preload_subject_close(struct preload_subject *subject);

/* Locates the program, once for all that is preloaded, and judges it. The caller must execute the file that was located:
 * what is true of it may not be true of another one. Fails if there is no such program, or no interpreter. */
enum exit_status preload_find_subject(struct preload_subject *subject, const char *name);

/* The start that the loader is to rehearse. */
struct rehearsal preload_rehearsal(const struct preload_subject *subject, const char *object);

/* The path of an object that was built or installed with this command, or NULL. The caller frees it. */
char *preload_find_object(const char *file);

/* Whether the object has these bytes in it. One that is something else would be preloaded and do nothing. */
bool preload_has_mark(const char *object, const char *mark);

/* Puts the object before those that are preloaded. `option` is for the message. */
enum exit_status preload_put_first(const char *option, const char *object);

/* Sets a variable that may be there more than once. 0, or -1 if memory is out. */
int preload_set_once(const char *name, const char *value);

/* Lets a program that is built with AddressSanitizer start with a preloaded object. */
enum exit_status preload_allow_with_asan(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_MARKS_H
#define SEALMEM_AUDIT_MARKS_H

/*
 * What a program or library asks for itself. No kernel and no released loader honours this.
 */
enum mark {
	MARK_NONE,
	MARK_SEAL,    /* the linker's mark: all of the object is to be sealed */
	MARK_MUTABLE, /* these pages are to be left as they are */
	MARK_COUNT
};

/* "" for the first. */
extern const char *const mark_words[MARK_COUNT];

struct process;

/* Sets `mark` of each mapping that is a part of a program or library. Needs kinds. */
void marks_find(struct process *process);

#endif

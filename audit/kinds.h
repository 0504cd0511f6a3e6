/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_KINDS_H
#define SEALMEM_AUDIT_KINDS_H

/*
 * What a mapping is, one row for each kind: its name, which is the word in rules and in answers; what it
 * means; and the colour it is drawn in. A new kind is a row here and a row in kinds.c that
 * recognizes it.
 */
#define KINDS(ROW)                                                                                 \
 ROW(TEXT, "text", "code of a program or library", "#8cb4e0")                                      \
 ROW(RODATA, "rodata", "constants of a program or library", "#cfe3f5")                             \
 ROW(RELRO, "relro", "data that is final once the loader has relocated it", "#a9dba0")             \
 ROW(DATA, "data", "variables of a program or library", "#f7b267")                                 \
 ROW(BSS, "bss", "variables that begin as zeroes", "#fbd9ae")                                      \
 ROW(HEAP, "heap", "the heap of brk(2)", "#f09a9b")                                                \
 ROW(STACK, "stack", "the stack of the first thread", "#fbc9c7")                                   \
 ROW(ANON, "anon", "private memory without a file", "#d5cfcc")                                     \
 ROW(SHARED, "shared", "shared memory without a file", "#e9a3bd")                                  \
 ROW(SHM, "shm", "System V shared memory", "#fadde7")                                              \
 ROW(MEMFD, "memfd", "a file of memfd_create(2)", "#cfa8e0")                                       \
 ROW(SECRET, "secret", "a file of memfd_secret(2)", "#b18fd0")                                     \
 ROW(FILE, "file", "any other file", "#e8d3c6")                                                    \
 ROW(VDSO, "vdso", "code that the kernel gives to every process", "#8fd0cb")                       \
 ROW(VVAR, "vvar", "data that the kernel shows to it", "#c5e8e4")                                  \
 ROW(RESERVED, "reserved", "address space without access", "#f4f4f4")

enum kind {
#define KIND_NUMBER(number, name, meaning, colour) KIND_##number,
	KINDS(KIND_NUMBER)
#undef KIND_NUMBER
		KIND_COUNT
};

struct kind_row {
	const char *name, *meaning, *colour;
};

extern const struct kind_row kind_rows[KIND_COUNT];

struct process;
struct devices;

/* Sets `kind` and `object` of each mapping. Needs the objects of the process, if they are to be told
 * apart from other files. */
void kinds_find(struct process *process, const struct devices *devices);

#endif

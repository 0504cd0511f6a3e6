/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_KINDS_H
#define SEALMEM_AUDIT_KINDS_H

/*
 * The kind of a mapping. Each kind is one row: its name, which is the word in rules and in answers, and its meaning. To
 * add one, write a row here, and in kinds.c the function that recognizes it and its place in the order of these. The
 * help, the rules and every form of the answer follow.
 */
#define KINDS(ROW)                                                                                 \
 ROW(TEXT, "text", "code of a program or library")                                                 \
 ROW(RODATA, "rodata", "constants of a program or library")                                        \
 ROW(RELRO, "relro", "data that is final once the loader has relocated it")                        \
 ROW(DATA, "data", "variables of a program or library")                                            \
 ROW(BSS, "bss", "variables that begin as zeroes")                                                 \
 ROW(HEAP, "heap", "the heap of brk(2)")                                                           \
 ROW(STACK, "stack", "the stack of the first thread")                                              \
 ROW(ANON, "anon", "private memory without a file")                                                \
 ROW(SHARED, "shared", "shared memory without a file")                                             \
 ROW(SHM, "shm", "System V shared memory")                                                         \
 ROW(MEMFD, "memfd", "a file of memfd_create(2)")                                                  \
 ROW(SECRET, "secret", "a file of memfd_secret(2)")                                                \
 ROW(FILE, "file", "any other file")                                                               \
 ROW(VDSO, "vdso", "code that the kernel gives to every process")                                  \
 ROW(VVAR, "vvar", "data that the kernel shows to it")                                             \
 ROW(RESERVED, "reserved", "address space without access")

enum kind {
#define KIND_NUMBER(number, name, meaning) KIND_##number,
	KINDS(KIND_NUMBER)
#undef KIND_NUMBER
		KIND_COUNT
};

struct kind_row {
	const char *name, *meaning;
};

extern const struct kind_row kind_rows[KIND_COUNT];

struct process;
struct devices;

/* Sets `kind` and `object` of each mapping, and `kind` of each open file. If the objects of the process are not known,
 * their mappings are files like others. */
void kinds_find(struct process *process, const struct devices *devices);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_FLAGS_H
#define SEALMEM_AUDIT_FLAGS_H

#include "audit/known-files.h"
#include "audit/process.h"

/*
 * A flag marks what is worth checking. Each flag is one row: its subject, its word, and its meaning. To add one,
 * write a row here and a function is_NUMBER in flags.c. The help, the rule "no-WORD" and every form of the answer
 * follow.
 *
 * A flag is about a `mapping`, or about `memory`: a file that is mapped or only open.
 */
#define FLAGS(ROW)                                                                                 \
 ROW(write_execute, mapping, "write-execute",                                                      \
     "writable and executable, by one mapping or by two of the same memory", 0, 0)                 \
 ROW(relro_unsealed, mapping, "relro-unsealed", "RELRO that can be made writable or replaced",     \
     NEED_ALL, 1u << FLAG_relro_unknown)                                                           \
 ROW(relro_undoable, mapping, "relro-undoable",                                                    \
     "RELRO with only its address sealed: MADV_DONTNEED brings back the bytes of the file",        \
     NEED_ALL, 1u << FLAG_relro_unknown)                                                           \
 ROW(relro_unknown, mapping, "relro-unknown",                                                      \
     "part of a program or library whose RELRO cannot be found", NEED_OBJECTS, 0)                  \
 ROW(mark_unsealed, mapping, "mark-unsealed",                                                      \
     "part of a program or library that its linker has marked to be sealed, and that is not",      \
     NEED_VM | NEED_OBJECTS, 1u << FLAG_relro_unknown)                                             \
 ROW(sealed_writable, mapping, "sealed-writable", "the address is sealed, the bytes are writable", \
     NEED_VM | NEED_OBJECTS, 0)                                                                    \
 ROW(sealed_private, mapping, "sealed-private",                                                    \
     "a private mapping of a sealed memfd: it can show other bytes", NEED_ALL,                     \
     1u << FLAG_seals_unknown)                                                                     \
 ROW(shared_unsealed, memory, "shared-unsealed", "a writable memfd that several processes have",   \
     NEED_MEMFDS, 1u << FLAG_seals_unknown)                                                        \
 ROW(exec_unsealed, mapping, "exec-unsealed", "an executable memfd without an exec seal",          \
     NEED_MEMFDS, 1u << FLAG_seals_unknown)                                                        \
 ROW(seals_unknown, memory, "seals-unknown", "a memfd whose seals the audit may not read",         \
     NEED_MEMFDS, 0)                                                                               \
 ROW(secret_dumpable, mapping, "secret-dumpable", "secret memory that core dumps may include",     \
     NEED_VM, 0)

enum flag {
#define FLAG_NUMBER(number, subject, word, meaning, needs, doubts) FLAG_##number,
	FLAGS(FLAG_NUMBER)
#undef FLAG_NUMBER
		FLAG_COUNT
};

struct flag_row {
	const char *word, *meaning;
	unsigned needs;	 /* what process_read() has to find out for it */
	unsigned doubts; /* flags of mappings that may have it */
};

extern const struct flag_row flag_rows[FLAG_COUNT];

/* Sets `flags` of each mapping and open file. Needs kinds, marks, guarantees and who holds which memfd. */
void flags_find(struct process *process, const struct known_files *files);

#endif

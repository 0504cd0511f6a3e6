/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_FLAGS_H
#define SEALMEM_AUDIT_FLAGS_H

#include "audit/known-files.h"
#include "audit/process.h"

/*
 * What deserves a look, one row each: the word for it, and what is the matter. A new flag is a row here and
 * a function is_NUMBER in flags.c. A rule "no-WORD" comes with it.
 */
#define FLAGS(ROW)                                                                                 \
 ROW(write_execute, "write-execute", "writable and executable", 0, 0)                              \
 ROW(relro_unsealed, "relro-unsealed", "RELRO that can be made writable or replaced", NEED_ALL,    \
     1u << FLAG_relro_unknown)                                                                     \
 ROW(relro_undoable, "relro-undoable",                                                             \
     "RELRO whose address alone is sealed: MADV_DONTNEED brings back what the file has", NEED_ALL, \
     1u << FLAG_relro_unknown)                                                                     \
 ROW(relro_unknown, "relro-unknown",                                                               \
     "code of a file that cannot be read: where its RELRO is, is unknown", NEED_OBJECTS, 0)        \
 ROW(sealed_writable, "sealed-writable", "the address is sealed, the bytes can be written",        \
     NEED_VM, 0)                                                                                   \
 ROW(sealed_private, "sealed-private",                                                             \
     "a private mapping of a sealed memfd: it can show other bytes", NEED_ALL,                     \
     1u << FLAG_seals_unknown)                                                                     \
 ROW(shared_unsealed, "shared-unsealed",                                                           \
     "a memfd that several processes have, and that can be written to", NEED_MEMFDS,               \
     1u << FLAG_seals_unknown)                                                                     \
 ROW(exec_unsealed, "exec-unsealed", "an executable memfd without an exec seal", NEED_MEMFDS,      \
     1u << FLAG_seals_unknown)                                                                     \
 ROW(seals_unknown, "seals-unknown", "a memfd whose seals may not be read", NEED_MEMFDS, 0)        \
 ROW(secret_dumpable, "secret-dumpable", "secret memory that is not kept out of core dumps",       \
     NEED_VM, 0)

enum flag {
#define FLAG_NUMBER(number, word, meaning, needs, doubts) FLAG_##number,
	FLAGS(FLAG_NUMBER)
#undef FLAG_NUMBER
		FLAG_COUNT
};

struct flag_row {
	const char *word, *meaning;
	unsigned needs;	 /* what process_read() has to find out for it */
	unsigned doubts; /* flags of mappings that might have it */
};

extern const struct flag_row flag_rows[FLAG_COUNT];

/* Sets `flags` of each mapping and descriptor. Needs kinds, guarantees and who has which memfd. */
void flags_find(struct process *process, const struct known_files *files);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_REFUSAL_H
#define SEALMEM_OUTSIDE_REFUSAL_H

/*
 * Why a process is not sealed. Each reason is one row: its word for programs, and its sentence for people. Every function
 * of this room that can fail returns one of these, and REFUSAL_NONE means that it has not failed.
 */
#define REFUSALS(ROW)                                                                              \
 ROW(GONE, "gone", "it has exited, or there is no such process")                                   \
 ROW(NO_MEMORY_OF_ITS_OWN, "kernel-thread", "it has no memory of its own")                         \
 ROW(DENIED, "denied", "permission denied: run this as its user, or as root")                      \
 ROW(TRACED, "traced", "another process traces it already")                                        \
 ROW(STOPPED, "stopped", "it is stopped: continue it first, with SIGCONT")                         \
 ROW(NO_ANSWER, "no-answer", "one of its threads does not stop within a second")                   \
 ROW(SHARED, "shared-memory", "another process runs in the same memory (vfork, CLONE_VM)")         \
 ROW(ARCHITECTURE, "architecture", "it is a program of another word size or architecture")         \
 ROW(UNPORTED, "unported",                                                                         \
     "sealing from outside is unsupported on this architecture; run --image seals as well")        \
 ROW(NO_MSEAL, "no-mseal",                                                                         \
     "this kernel has no mseal(2), or a sandbox forbids it; --content-only does without")          \
 ROW(FILTERED, "seccomp", "it has a seccomp filter: run this as root")                             \
 ROW(FILTERED_ONE, "seccomp-one-thread", "it has a seccomp filter: leave out --one-thread")        \
 ROW(LOADING, "loading", "its loader is at work: try again")                                       \
 ROW(NO_HEADERS, "no-headers", "its program has no headers in memory that say what to seal")       \
 ROW(LIBRARY, "library", "it is a library or loader, not a program: execute the program itself")   \
 ROW(NO_ROOM, "no-room", "its vDSO, where the code of the helper goes, is missing or full")        \
 ROW(NO_THREAD, "no-thread", "none of its threads can start the helper")                           \
 ROW(THREAD_LIMIT, "thread-limit",                                                                 \
     "it may start no further thread: raise RLIMIT_NPROC or pids.max")                             \
 ROW(CHANGED, "changed", "it changes faster than it can be read: try again")                       \
 ROW(BREAKPOINTS, "breakpoints",                                                                   \
     "a debugger has written to its code: detach it, or leave out --deep")                         \
 ROW(TOO_LARGE, "too-large", "more than 1 GiB would have to be copied: leave out --deep")          \
 ROW(SEALED_BEFORE, "sealed-before",                                                               \
     "its addresses are sealed already, and their bytes can no longer be replaced")                \
 ROW(OUT_OF_MEMORY, "out-of-memory", "out of memory")                                              \
 ROW(OUT_OF_DESCRIPTORS, "out-of-descriptors", "too many open files: raise RLIMIT_NOFILE")         \
 ROW(NO_PROC, "no-proc", "/proc is not mounted, or is that of another PID namespace")              \
 ROW(UNKNOWN, "unknown", "the kernel refuses a call that seals")                                   \
 ROW(UNCONFIRMED, "unconfirmed", "the audit does not confirm that it is sealed")

enum refusal {
	REFUSAL_NONE,
#define REFUSAL_NUMBER(number, word, text) REFUSAL_##number,
	REFUSALS(REFUSAL_NUMBER)
#undef REFUSAL_NUMBER
		REFUSAL_COUNT
};

struct refusal_row {
	const char *word, *text;
};

/* REFUSAL_NONE has NULL for both. */
extern const struct refusal_row refusal_rows[REFUSAL_COUNT];

/* What a negative errno of a call on the process means; 0 or more is none. */
enum refusal refusal_of(long err);

#endif

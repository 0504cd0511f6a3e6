/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_ENTER_H
#define SEALMEM_OUTSIDE_ENTER_H

#include "outside/stop.h"

/* A thread of ours in a process. It makes system calls there, one at a time, and exits by itself when nobody holds it. */
struct helper {
	const struct target *target;
	pid_t id;	       /* 0: there is none */
	bool lost;	       /* it has exited, or does not answer */
	bool exits;	       /* it is held while it exits */
	unsigned long options; /* of ptrace(2) */
	struct registers registers;
	uint64_t code, call; /* where its code is, and where in it a call begins */
	uint64_t list;	     /* where in it a list of calls begins */
	uint64_t text;	     /* that a call may need, in the memory of the process */
	uint64_t room;	     /* for a short list of calls, likewise */
	size_t room_size;    /* 0: there is none */
	uint64_t mask;	     /* the signals that the lent thread blocked */
};

/* How long a text may be, with the zero at its end. */
#define HELPER_TEXT_SIZE 32

/* What most lists of a program without libraries take. */
#define HELPER_ROOM_SIZE 768

/* The text is this, to begin with: what the file is called. */
#define HELPER_FILE_NAME "sealmem:image"

/* What there is to be done while the kernel makes the new thread, on another processor. It may be done twice. */
struct errand {
	void (*run)(void *data);
	void *data;
};

/* Starts it, by one of the threads that are held. If it starts, the errand is done; it may be NULL. */
enum refusal enter(struct helper *ret, const struct stopped *stopped, const struct plan *plan,
		   const struct errand *errand);

/* Makes the call in the process: its result, or -ESRCH if the helper is lost. */
long helper_call(struct helper *helper, long number, const uint64_t arguments[6]);

#define HELPER_CALL(helper, number, ...)                                                           \
 helper_call(helper, number, (const uint64_t[6]){ __VA_ARGS__ })

/* Puts a list into its room, whose bytes are whole words. */
bool helper_fill_room(struct helper *helper, const void *bytes, size_t size);

/* Has it make the calls of a list by itself, unmap `memory`, and exit. Nothing else can be asked of it afterwards. */
bool helper_begin_list(struct helper *helper, uint64_t first, uint64_t memory, uint64_t size);

/* Waits until it has. Without a result it is lost, and nobody knows how far it came. */
bool helper_finish_list(struct helper *helper, struct list_result *ret);

/* Puts another text there. */
bool helper_set_text(struct helper *helper, const char *text);

/* Lets it exit, and takes its code out of the process. */
void helper_end(struct helper *helper);

#endif

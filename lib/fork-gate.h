/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_FORK_GATE_H
#define SEALMEM_LIB_FORK_GATE_H

/* Has the C library ask the gate at each fork(2) of this process. 0, or -ENOMEM if there is no memory for it.
 * Call it before the first fork_gate_enter() of an operation. */
int fork_gate_install(void);

/*
 * No fork(2) happens in between, and no signal handler runs in this thread but those of faults. Threads do not wait for
 * each other here, only for a fork. Nests. A thread that cannot block signals is not inside: a negative errno.
 */
int fork_gate_enter(void);
void fork_gate_leave(void);

/* The same for a thread that has every signal blocked, or cannot block one: its handlers may fork inside. */
void fork_gate_enter_blocked(void);
void fork_gate_leave_blocked(void);

/* This thread does not come back to leave, so nobody waits for it. */
void fork_gate_forsake(void);

/* Before and after a fork that the C library knows nothing of: no other thread is inside. The child calls
 * neither. */
void fork_gate_close(void);
void fork_gate_open(void);

/* sys_in_child() in between: the child has nothing that other threads are about to hide from children. */
int fork_gate_in_child(int (*run)(void *argument), void *argument);

/* The same with sys_start_holder(). */
int fork_gate_start_holder(void);

#endif

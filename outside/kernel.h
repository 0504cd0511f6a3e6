/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_KERNEL_H
#define SEALMEM_OUTSIDE_KERNEL_H

/*
 * The calls of the kernel by which one process reaches into another: one function for each, which answers 0 or more, or a
 * negative errno. It decides nothing. The library makes none of these, so they are not in lib/sys.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#ifndef PTRACE_EVENT_STOP
# define PTRACE_EVENT_STOP 128
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
# define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
# define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211
#endif
#ifndef PTRACE_GET_SYSCALL_INFO
# define PTRACE_GET_SYSCALL_INFO 0x420e
#endif
#ifndef PIDFD_THREAD
# define PIDFD_THREAD 0200 /* O_EXCL */
#endif

/* Results of an interrupted call that the kernel makes again by itself. No user program sees them. */
#define KERNEL_ERESTARTSYS	     512
#define KERNEL_ERESTARTNOINTR	     513
#define KERNEL_ERESTARTNOHAND	     514
#define KERNEL_ERESTART_RESTARTBLOCK 516

/* A system call that a thread enters or has left. */
struct kernel_call {
	bool enters;
	bool failed;		       /* if it has left it */
	uint64_t number, arguments[6]; /* if it enters it */
};

/* `options` as kernel_set_options() takes them. */
long kernel_seize(pid_t thread, unsigned long options);
long kernel_interrupt(pid_t thread);
long kernel_set_options(pid_t thread, unsigned long options);
/* `request` is PTRACE_CONT, PTRACE_SYSCALL, PTRACE_LISTEN or PTRACE_DETACH. */
long kernel_resume(pid_t thread, int request, int signal);
long kernel_event_message(pid_t thread, unsigned long *ret);
long kernel_signal_mask(pid_t thread, uint64_t *ret);
long kernel_set_signal_mask(pid_t thread, uint64_t mask);
/* The general registers: -EINVAL if the thread has others than `size` bytes of them. */
long kernel_registers(pid_t thread, void *ret, size_t size);
long kernel_set_registers(pid_t thread, const void *registers, size_t size);
/* Another set of registers, by the number of its note (NT_). */
long kernel_set_register_set(pid_t thread, int set, const void *registers, size_t size);
/* A word of its struct user, at an offset there. */
long kernel_poke_user(pid_t thread, size_t offset, uint64_t word);
/* Of a thread that was stopped at a system call; -EINVAL if it was not. */
long kernel_call(pid_t thread, struct kernel_call *ret);
/* One word of its memory, also where the process may not write itself. */
long kernel_poke(pid_t thread, uint64_t address, uint64_t word);
/* Where the thread has its struct rseq; 0 if nowhere. */
long kernel_rseq(pid_t thread, uint64_t *ret);
/* Whether the thread has its own system calls sent back to it (syscall user dispatch); 0 where the kernel does not say. */
long kernel_dispatches(pid_t thread);
/* 1 and what wait(2) says of a thread that is traced, 0 if it says nothing now. */
long kernel_wait(pid_t thread, int *ret);
/* The same for any thread that this one traces, which is named. -ECHILD if there is none. */
long kernel_wait_for_any(pid_t *ret, int *ret_status);
/* Until a thread that is traced has something to say, or so many nanoseconds are over. SIGCHLD has to be blocked. */
void kernel_wait_for_news(int64_t nanoseconds);
/* A descriptor of a process, which stays with it whoever gets its number later; and the end of that process. */
long kernel_process(pid_t pid);
long kernel_kill(int process);
/* A descriptor of another process or thread, as one of this process. */
long kernel_take_descriptor(pid_t thread, int descriptor);
/* Bytes of its memory where it may read, or write, itself: all of them or -EFAULT. */
long kernel_read_memory(pid_t thread, void *ret, size_t size, uint64_t address);
long kernel_write_memory(pid_t thread, const void *bytes, size_t size, uint64_t address);
/* The file of a descriptor of a thread, opened anew. */
long kernel_open_descriptor(pid_t thread, int descriptor);
/* Whether a descriptor can be taken from a thread that has a table of its own: Linux 6.9. */
bool kernel_takes_from_threads(void);
/* 0 if both processes have the same memory. */
long kernel_compare_memory(pid_t one, pid_t other);
void kernel_sleep(int64_t nanoseconds);
/* The nice value of a thread; 0 for this one. */
int kernel_nice(pid_t thread);
long kernel_set_nice(pid_t thread, int nice);
/* The processor that this thread runs on. */
int kernel_processor(void);
/* From now on the thread runs on this processor only. */
long kernel_set_processor(pid_t thread, int processor);

#endif

/* SPDX-License-Identifier: MIT */

/*
 * Not by ptrace(3) of the C library, because that returns what it reads where others return an error.
 */

#include "outside/kernel.h"

#include "lib/util.h"

#include <elf.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static long answer(long result)
{
	return result == -1 ? -errno : result;
}

static long trace(long request, pid_t thread, uintptr_t address, uintptr_t data)
{
	return answer(syscall(SYS_ptrace, request, thread, address, data));
}

long kernel_seize(pid_t thread, unsigned long options)
{
	return trace(PTRACE_SEIZE, thread, 0, options);
}

long kernel_interrupt(pid_t thread)
{
	return trace(PTRACE_INTERRUPT, thread, 0, 0);
}

long kernel_set_options(pid_t thread, unsigned long options)
{
	return trace(PTRACE_SETOPTIONS, thread, 0, options);
}

long kernel_resume(pid_t thread, int request, int signal)
{
	return trace(request, thread, 0, (uintptr_t)signal);
}

long kernel_event_message(pid_t thread, unsigned long *ret)
{
	return trace(PTRACE_GETEVENTMSG, thread, 0, (uintptr_t)ret);
}

long kernel_signal_mask(pid_t thread, uint64_t *ret)
{
	return trace(PTRACE_GETSIGMASK, thread, sizeof(*ret), (uintptr_t)ret);
}

long kernel_set_signal_mask(pid_t thread, uint64_t mask)
{
	return trace(PTRACE_SETSIGMASK, thread, sizeof(mask), (uintptr_t)&mask);
}

long kernel_registers(pid_t thread, void *ret, size_t size)
{
	struct iovec all = { ret, size };
	long err = trace(PTRACE_GETREGSET, thread, NT_PRSTATUS, (uintptr_t)&all);

	return err < 0 || all.iov_len == size ? err : -EINVAL;
}

long kernel_set_registers(pid_t thread, const void *registers, size_t size)
{
	struct iovec all = { (void *)(uintptr_t)registers, size };

	return trace(PTRACE_SETREGSET, thread, NT_PRSTATUS, (uintptr_t)&all);
}

long kernel_set_register_set(pid_t thread, int set, const void *registers, size_t size)
{
	struct iovec all = { (void *)(uintptr_t)registers, size };

	return trace(PTRACE_SETREGSET, thread, (uintptr_t)set, (uintptr_t)&all);
}

long kernel_poke_user(pid_t thread, size_t offset, uint64_t word)
{
	return trace(PTRACE_POKEUSER, thread, offset, (uintptr_t)word);
}

/* As the kernel gives it. The headers of some C libraries have another name for it, or none. */
struct call_information {
	uint8_t kind, padding[3];
	uint32_t architecture;
	uint64_t instruction, stack;
	union {
		struct {
			uint64_t number, arguments[6];
		} entry;
		struct {
			int64_t result;
			uint8_t failed;
		} exit;
	};
};

#define CALL_ENTRY 1
#define CALL_EXIT  2

long kernel_call(pid_t thread, struct kernel_call *ret)
{
	struct call_information call = { 0 };
	long err = trace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(call), (uintptr_t)&call);

	if (err < 0)
		return err;
	*ret = (struct kernel_call){ .enters = call.kind == CALL_ENTRY };
	if (ret->enters) {
		ret->number = call.entry.number;
		memcpy(ret->arguments, call.entry.arguments, sizeof(ret->arguments));
		return 0;
	}
	ret->failed = call.exit.failed != 0;
	return call.kind == CALL_EXIT ? 0 : -EINVAL;
}

long kernel_poke(pid_t thread, uint64_t address, uint64_t word)
{
	return trace(PTRACE_POKEDATA, thread, (uintptr_t)address, (uintptr_t)word);
}

long kernel_rseq(pid_t thread, uint64_t *ret)
{
	struct {
		uint64_t address;
		uint32_t size, signature, flags, padding;
	} rseq = { 0 };
	long err = trace(PTRACE_GET_RSEQ_CONFIGURATION, thread, sizeof(rseq), (uintptr_t)&rseq);

	*ret = err < 0 ? 0 : rseq.address;
	return err < 0 && err != -EIO ? err : 0;
}

long kernel_dispatches(pid_t thread)
{
	struct {
		uint64_t mode, selector, offset, length;
	} dispatch = { 0 };
	long err = trace(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, thread, sizeof(dispatch),
			 (uintptr_t)&dispatch);

	return err >= 0 && dispatch.mode != 0;
}

long kernel_wait(pid_t thread, int *ret)
{
	long found = answer(syscall(SYS_wait4, thread, ret, __WALL | WNOHANG, NULL));

	return found > 0 ? 1 : found;
}

long kernel_wait_for_any(pid_t *ret, int *ret_status)
{
	long found =
		answer(syscall(SYS_wait4, -1, ret_status, __WALL | __WNOTHREAD | WNOHANG, NULL));

	if (found > 0)
		*ret = (pid_t)found;
	return found > 0 ? 1 : found;
}

void kernel_wait_for_news(int64_t nanoseconds)
{
	const uint64_t set = SYS_SIGNAL(SIGCHLD);
	const struct timespec time = { .tv_sec = nanoseconds / 1000000000,
				       .tv_nsec = (long)(nanoseconds % 1000000000) };

	(void)syscall(SYS_rt_sigtimedwait, &set, NULL, &time, sizeof(set));
}

long kernel_process(pid_t pid)
{
	return answer(syscall(SYS_pidfd_open, pid, 0));
}

long kernel_kill(int process)
{
	return answer(syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0));
}

long kernel_take_descriptor(pid_t thread, int descriptor)
{
	CLEANUP(close_fd_at)
	int pidfd = (int)answer(syscall(SYS_pidfd_open, thread, PIDFD_THREAD));

	return pidfd < 0 ? pidfd : answer(syscall(SYS_pidfd_getfd, pidfd, descriptor, 0));
}

bool kernel_takes_from_threads(void)
{
	CLEANUP(close_fd_at)
	int pidfd = (int)answer(syscall(SYS_pidfd_open, syscall(SYS_gettid), PIDFD_THREAD));

	return pidfd >= 0;
}

long kernel_open_descriptor(pid_t thread, int descriptor)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)thread, descriptor);
	return sys_open(path, O_RDWR | O_CLOEXEC);
}

static long copy_memory(long number, pid_t thread, void *here, size_t size, uint64_t there)
{
	const struct iovec local = { here, size }, remote = { (void *)(uintptr_t)there, size };
	long done = answer(syscall(number, thread, &local, 1L, &remote, 1L, 0L));

	return done < 0 || (size_t)done == size ? done : -EFAULT;
}

long kernel_read_memory(pid_t thread, void *ret, size_t size, uint64_t address)
{
	return copy_memory(SYS_process_vm_readv, thread, ret, size, address);
}

long kernel_write_memory(pid_t thread, const void *bytes, size_t size, uint64_t address)
{
	return copy_memory(SYS_process_vm_writev, thread, (void *)(uintptr_t)bytes, size, address);
}

long kernel_compare_memory(pid_t one, pid_t other)
{
	return answer(syscall(SYS_kcmp, one, other, KCMP_VM, 0L, 0L));
}

void kernel_sleep(int64_t nanoseconds)
{
	const struct timespec time = { .tv_nsec = (long)nanoseconds };

	(void)syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, NULL);
}

/* The system call answers with 20 less the value, so that it is never negative. */
int kernel_nice(pid_t thread)
{
	long found = answer(syscall(SYS_getpriority, PRIO_PROCESS, thread));

	return found > 0 ? 20 - (int)found : 0;
}

long kernel_set_nice(pid_t thread, int nice)
{
	return answer(syscall(SYS_setpriority, PRIO_PROCESS, thread, nice));
}

int kernel_processor(void)
{
	return sched_getcpu();
}

long kernel_set_processor(pid_t thread, int processor)
{
	cpu_set_t set;

	if (processor < 0 || processor >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET((size_t)processor, &set);
	return answer(syscall(SYS_sched_setaffinity, thread, sizeof(set), &set));
}

/* SPDX-License-Identifier: MIT */

/* x86-64. A thread that is stopped in a system call shows what the kernel means to do about the call: the number is in
 * orig_rax, and the result that no program sees is in rax. The kernel acts on that after the stop. */

#ifdef __x86_64__

# include "outside/arch.h"

# include "outside/kernel.h"
# include "lib/sys.h"

# include <errno.h>
# include <string.h>

/* The code segment of 64-bit programs. */
# define CODE_SEGMENT 0x33

/* The instruction that enters the kernel. */
# define SYSCALL_SIZE 2

const bool arch_is_ported = true;

bool arch_is_native(const struct registers *registers)
{
	return registers->all.cs == CODE_SEGMENT;
}

static bool is_call(const struct registers *registers)
{
	return (long)registers->all.orig_rax >= 0;
}

static bool is_restart(long result)
{
	return result == -KERNEL_ERESTARTSYS || result == -KERNEL_ERESTARTNOINTR ||
	       result == -KERNEL_ERESTARTNOHAND || result == -KERNEL_ERESTART_RESTARTBLOCK;
}

/* These end with EINTR also where no signal came. Each of them has done nothing by then, so it can be made again. */
static bool is_interruptible(unsigned long number)
{
	static const unsigned short numbers[] = {
		SYS_epoll_wait,	     SYS_epoll_pwait,  SYS_epoll_pwait2,  SYS_semop,
		SYS_semtimedop,	     SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter,
		SYS_rt_sigtimedwait, SYS_recvfrom,     SYS_recvmsg,	  SYS_recvmmsg,
		SYS_accept,	     SYS_accept4,      SYS_msgrcv,	  SYS_read,
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* If a signal with a handler comes, the kernel answers EINTR in the end, as it would have without us. */
bool arch_hide_interruption(struct registers *registers)
{
	if (!is_call(registers) || (long)registers->all.rax != -EINTR ||
	    !is_interruptible(registers->all.orig_rax))
		return false;
	registers->all.rax = (unsigned long)-KERNEL_ERESTARTNOHAND;
	return true;
}

bool arch_is_in_call(const struct registers *registers)
{
	struct registers after = *registers;

	(void)arch_hide_interruption(&after);
	return is_call(&after) && is_restart((long)after.all.rax);
}

uint64_t arch_instruction(const struct registers *registers)
{
	return registers->all.rip;
}

void arch_set_instruction(struct registers *registers, uint64_t address)
{
	registers->all.rip = address;
}

/* With orig_rax, the kernel would make the interrupted call again. */
void arch_set_call(struct registers *registers, uint64_t address, long number,
		   const uint64_t arguments[6])
{
	struct user_regs_struct *all = &registers->all;

	all->rip = address;
	all->rax = (unsigned long)number;
	all->rdi = arguments[0];
	all->rsi = arguments[1];
	all->rdx = arguments[2];
	all->r10 = arguments[3];
	all->r8 = arguments[4];
	all->r9 = arguments[5];
	all->orig_rax = (unsigned long)-1;
}

long arch_result(const struct registers *registers)
{
	return (long)registers->all.rax;
}

long arch_skip_call(pid_t thread, const struct registers *registers)
{
	struct registers none = *registers;

	none.all.orig_rax = SYS_getpid;
	return kernel_set_registers(thread, &none.all, sizeof(none.all));
}

void arch_repeat_call(struct registers *registers)
{
	registers->all.rip -= SYSCALL_SIZE;
	registers->all.rax = registers->all.orig_rax;
	registers->all.orig_rax = (unsigned long)-1;
}

/* In the last of the debug registers: the first of the others is for instructions, and is on for this thread. */
# define FIRST_IS_ON 1u

static size_t debug_register(size_t number)
{
	return offsetof(struct user, u_debugreg) +
	       number * sizeof(((struct user *)NULL)->u_debugreg[0]);
}

long arch_set_breakpoint(pid_t thread, uint64_t address)
{
	long err = kernel_poke_user(thread, debug_register(7), 0);

	if (err >= 0)
		err = kernel_poke_user(thread, debug_register(0), address);
	if (err >= 0 && address != 0)
		err = kernel_poke_user(thread, debug_register(7), FIRST_IS_ON);
	return err;
}

const unsigned char arch_trap[] = { 0xcc };
const size_t arch_trap_size = sizeof(arch_trap), arch_trap_step = sizeof(arch_trap);

static void put(struct code *code, const void *bytes, size_t size)
{
	memcpy(code->bytes + code->size, bytes, size);
	code->size += size;
}

/* mov $value, register */
static void put_move(struct code *code, const unsigned char opcode[2], uint64_t value)
{
	put(code, opcode, 2);
	put(code, &value, sizeof(value));
}

/* Back into the call: a system call leaves all registers but rax, rcx and r11, of which a program expects nothing. So
 * these are the arguments and the number, and then the instruction that enters the kernel comes again. */
static void put_return(struct code *code, const struct user_regs_struct *all)
{
	const unsigned char jump[] = { 0xff, 0x25, 0, 0, 0, 0 }; /* jmp *0(%rip) */
	const uint64_t address = all->rip - SYSCALL_SIZE;
	bool goes_on = (long)all->rax == -KERNEL_ERESTART_RESTARTBLOCK;

	put_move(code, (const unsigned char[]){ 0x48, 0xbf }, all->rdi);
	put_move(code, (const unsigned char[]){ 0x48, 0xbe }, all->rsi);
	put_move(code, (const unsigned char[]){ 0x48, 0xba }, all->rdx);
	put_move(code, (const unsigned char[]){ 0x49, 0xba }, all->r10);
	put_move(code, (const unsigned char[]){ 0x49, 0xb8 }, all->r8);
	put_move(code, (const unsigned char[]){ 0x49, 0xb9 }, all->r9);
	put_move(code, (const unsigned char[]){ 0x48, 0xb8 },
		 goes_on ? SYS_restart_syscall : all->orig_rax);
	put(code, jump, sizeof(jump));
	put(code, &address, sizeof(address));
}

/* rbx: the next call; r12, r13: the first that failed, and its result; r14, r15: the memory of the list */
static const unsigned char list_code[] = {
	0x48, 0x8b,	  0x03,			  /* mov (%rbx), %rax */
	0x48, 0x85,	  0xc0,			  /* test %rax, %rax */
	0x78, 0x39,				  /* js, to the end */
	0x48, 0x8b,	  0x7b, 0x08,		  /* mov 8(%rbx), %rdi */
	0x48, 0x8b,	  0x73, 0x10,		  /* mov 16(%rbx), %rsi */
	0x48, 0x8b,	  0x53, 0x18,		  /* mov 24(%rbx), %rdx */
	0x4c, 0x8b,	  0x53, 0x20,		  /* mov 32(%rbx), %r10 */
	0x4c, 0x8b,	  0x43, 0x28,		  /* mov 40(%rbx), %r8 */
	0x4c, 0x8b,	  0x4b, 0x30,		  /* mov 48(%rbx), %r9 */
	0x0f, 0x05,				  /* syscall */
	0x48, 0x3d,	  0x00, 0xf0, 0xff, 0xff, /* cmp $-4096, %rax */
	0x77, 0x06,				  /* ja, to the failure */
	0x48, 0x83,	  0xc3, 0x40,		  /* add $64, %rbx */
	0xeb, 0xd0,				  /* jmp, to the first mov */
	0x4d, 0x85,	  0xe4,			  /* test %r12, %r12 */
	0x75, 0x06,				  /* jnz, past the next two */
	0x49, 0x89,	  0xdc,			  /* mov %rbx, %r12 */
	0x49, 0x89,	  0xc5,			  /* mov %rax, %r13 */
	0x48, 0x8b,	  0x5b, 0x38,		  /* mov 56(%rbx), %rbx */
	0xeb, 0xbf,				  /* jmp, to the first mov */
	0x4c, 0x89,	  0xf7,			  /* mov %r14, %rdi */
	0x4c, 0x89,	  0xfe,			  /* mov %r15, %rsi */
	0xb8, SYS_munmap, 0,	0,    0, /* mov $SYS_munmap, %eax, and to the syscall of a single call */
	0xeb, 0,
};

void arch_code(struct code *ret, const struct registers *registers)
{
	/* syscall; test %eax, %eax; je 0 */
	const unsigned char clone[] = { 0x0f, 0x05, 0x85, 0xc0, 0x74, 0 };
	/* ud2, because a thread that was not in a call cannot be taken back so: better seen than silently wrong */
	const unsigned char invalid[] = { 0x0f, 0x0b };
	/* syscall; xor %edi, %edi; mov $SYS_exit, %eax; syscall; jmp back to the xor */
	const unsigned char call[] = { 0x0f, 0x05, 0x31, 0xff, 0xb8, SYS_exit, 0,
				       0,    0,	   0x0f, 0x05, 0xeb, 0xf5 };

	*ret = (struct code){ 0 };
	put(ret, clone, sizeof(clone));
	if (arch_is_in_call(registers))
		put_return(ret, &registers->all);
	else
		put(ret, invalid, sizeof(invalid));
	ret->call = ret->size;
	put(ret, call, sizeof(call));
	/* The new thread goes on after the first syscall there. */
	ret->bytes[sizeof(clone) - 1] = (unsigned char)(ret->call + SYSCALL_SIZE - sizeof(clone));
	ret->batch = ret->size;
	put(ret, list_code, sizeof(list_code));
	ret->bytes[ret->size - 1] = (unsigned char)(ret->call - ret->size);
}

void arch_set_list(struct registers *registers, uint64_t address, uint64_t first, uint64_t memory,
		   uint64_t size)
{
	struct user_regs_struct *all = &registers->all;

	all->rip = address;
	all->rbx = first;
	all->r12 = all->r13 = 0;
	all->r14 = memory;
	all->r15 = size;
	all->orig_rax = (unsigned long)-1;
}

struct list_result arch_list_result(const struct registers *registers)
{
	const struct user_regs_struct *all = &registers->all;

	return (struct list_result){ all->rbx, all->r12, (long)all->r13 };
}

void arch_clone_arguments(uint64_t ret[6], uint64_t flags)
{
	memset(ret, 0, 6 * sizeof(*ret));
	ret[0] = flags;
}

#endif

/* SPDX-License-Identifier: MIT */

/*
 * Stores that must not get through: trying one without dying of it, and saying which one it was when a
 * program does die of one. A process that stores to sealed memory gets SIGSEGV and no word why; the
 * name of the region and the instruction turn an afternoon with a debugger into a glance.
 *
 * The report runs in a signal handler of a broken process. It needs no list of regions, whose links
 * could be what is broken: the kernel has their names in /proc/self/maps.
 */

#include "sealmem.h"

#include "lib/maps.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

/*
 * read(2) stores into our memory as the process would: page protection, protection keys and missing
 * pages all end in EFAULT. process_vm_writev(2) would need no pipe, but it also refuses pages of
 * memfd_secret(2) that an ordinary store can write.
 */
static int try_write_chunk(const int pipe[2], char *addr, const char *bytes, size_t size)
{
	ssize_t carried, stored;

	do
		carried = sys_write(pipe[1], bytes, size);
	while (carried == -EINTR);
	if (carried < 0)
		return (int)carried;
	do
		stored = sys_read(pipe[0], addr, (size_t)carried);
	while (stored == -EINTR);
	if (stored < 0)
		return (int)stored;
	return stored == carried ? (int)stored : -EFAULT;
}

EXPORT int sealmem_try_write(void *addr, const void *bytes, size_t size)
{
	CLEANUP(close_fd_at) int reader = -1;
	CLEANUP(close_fd_at) int writer = -1;
	const char *from = bytes;
	char *to = addr;
	int pipe[2], done, err;

	if (bytes == NULL && size > 0)
		return -EINVAL;
	err = sys_pipe(pipe);
	if (err < 0)
		return not_given(err);
	reader = pipe[0];
	writer = pipe[1];
	for (; size > 0; size -= (size_t)done, from += done, to += done) {
		done = try_write_chunk(pipe, to, from, size < PIPE_BUF ? size : PIPE_BUF);
		if (done < 0)
			return not_given(done);
	}
	return 0;
}

/* The one line, put together without the C library's help: printf may take locks. */
struct line {
	size_t length;
	char text[768];
};

static void put(struct line *line, const char *text, size_t length)
{
	size_t room = sizeof(line->text) - line->length;

	if (length > room)
		length = room;
	memcpy(line->text + line->length, text, length);
	line->length += length;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_number(struct line *line, uint64_t value, unsigned base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	put_text(line, base == 16 ? "0x" : "");
	put(line, digits + at, sizeof(digits) - at);
}

static void put_offset(struct line *line, int64_t offset)
{
	put_text(line, offset < 0 ? "-" : "");
	put_number(line, offset < 0 ? -(uint64_t)offset : (uint64_t)offset, 10);
}

enum place { ELSEWHERE, INSIDE, BEFORE, BEHIND };

/* What the kernel knows of the faulting address and of the instruction. */
struct sighting {
	enum place place;
	struct maps_entry region;
	struct maps_entry object;
	uintptr_t address, instruction;
};

static const char memfd_path[] = "/memfd:" MEMFD_PREFIX;

static bool is_ours(const struct maps_entry *entry)
{
	return strncmp(entry->name, memfd_path, sizeof(memfd_path) - 1) == 0;
}

static bool holds(const struct maps_entry *entry, uintptr_t address)
{
	return address >= entry->start && address < entry->end;
}

static bool is_guard(const struct maps_entry *entry, uintptr_t address)
{
	return holds(entry, address) && entry->protection == PROT_NONE;
}

/*
 * Guard pages of neighbouring regions merge into one mapping. What lies in the page before a region
 * belongs to it, unless it is nearer to the end of the region before.
 */
static bool is_before(const struct sighting *seen, const struct maps_entry *region)
{
	uintptr_t distance = region->start - seen->address;

	if (distance > page_size())
		return false;
	return seen->place == ELSEWHERE || distance < seen->address - seen->region.end;
}

/* A fault is about a region if it hit the region or inaccessible pages that touch it. */
static void place(struct sighting *seen, const struct maps_entry *before,
		  const struct maps_entry *entry)
{
	bool touching = before->end == entry->start;
	enum place found = ELSEWHERE;

	if (is_ours(entry) && holds(entry, seen->address))
		found = INSIDE;
	else if (is_ours(entry) && touching && is_guard(before, seen->address) &&
		 is_before(seen, entry))
		found = BEFORE;
	if (found != ELSEWHERE) {
		seen->place = found;
		seen->region = *entry;
	} else if (is_ours(before) && touching && is_guard(entry, seen->address)) {
		seen->place = BEHIND;
		seen->region = *before;
	}
	if (holds(entry, seen->instruction))
		seen->object = *entry;
}

static void look(struct sighting *seen)
{
	struct maps maps;
	struct maps_entry entries[2] = { 0 };

	if (maps_open(&maps) < 0)
		return;
	for (unsigned i = 0; maps_next(&maps, &entries[i % 2]) > 0; i++)
		place(seen, &entries[(i + 1) % 2], &entries[i % 2]);
	maps_close(&maps);
}

/* "store to", "load from": what the processor said, where it says it. */
static const char *access_kind(const ucontext_t *context)
{
#if defined(__x86_64__)
	return context->uc_mcontext.gregs[REG_ERR] & 2 ? "store to" : "load from";
#elif defined(__aarch64__)
	const unsigned char *at = context->uc_mcontext.__reserved;
	const uint32_t esr_magic = 0x45535201, write_bit = 1u << 6;
	struct {
		uint32_t magic, size;
		uint64_t esr;
	} record;

	/* Records up to an empty one; the syndrome is one of them. */
	for (memcpy(&record, at, sizeof(record)); record.size != 0;
	     memcpy(&record, at += record.size, sizeof(record)))
		if (record.magic == esr_magic)
			return record.esr & write_bit ? "store to" : "load from";
	return "access to";
#else
	(void)context;
	return "access to";
#endif
}

static uintptr_t instruction(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return context->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

/* NAME of "/memfd:sealmem:NAME (deleted)". */
static void put_region(struct line *line, const struct sighting *seen)
{
	static const char deleted[] = " (deleted)";
	const char *name = seen->region.name + sizeof(memfd_path) - 1;
	size_t length = strlen(name), suffix = sizeof(deleted) - 1;

	if (length >= suffix && memcmp(name + length - suffix, deleted, suffix) == 0)
		length -= suffix;
	put_text(line, seen->place == BEFORE ? " the guard page before" : "");
	put_text(line, seen->place == BEHIND ? " the guard page behind" : "");
	put_text(line, seen->region.protection & PROT_WRITE ? " open" : " sealed");
	put_text(line, " region \"");
	put(line, name, length);
	put_text(line, "\" at offset ");
	put_offset(line, (int64_t)(seen->address - seen->region.start + seen->region.offset));
}

/* "(server+0x1234)": where in which file, as objdump(1) -F shows it. */
static void put_object(struct line *line, const struct sighting *seen)
{
	const char *slash = strrchr(seen->object.name, '/');

	if (slash == NULL)
		return;
	put_text(line, " (");
	put_text(line, slash + 1);
	put_text(line, "+");
	put_number(line, seen->instruction - seen->object.start + seen->object.offset, 16);
	put_text(line, ")");
}

static void report(const siginfo_t *info, const ucontext_t *context)
{
	struct sighting seen = { .address = (uintptr_t)info->si_addr,
				 .instruction = instruction(context) };
	struct line line = { 0 };

	look(&seen);
	if (seen.place == ELSEWHERE)
		return;
	put_text(&line, "sealmem: stray ");
	put_text(&line, access_kind(context));
	put_region(&line, &seen);
	put_text(&line, " (");
	put_number(&line, seen.address, 16);
	put_text(&line, ") by instruction ");
	put_number(&line, seen.instruction, 16);
	put_object(&line, &seen);
	put_text(&line, "\n");
	(void)sys_write(STDERR_FILENO, line.text, line.length);
}

static struct watched {
	int signal;
	struct sigaction previous;
} watched[] = { { .signal = SIGSEGV }, { .signal = SIGBUS } };

static struct sigaction *previous_of(int signal)
{
	return &watched[signal == SIGSEGV ? 0 : 1].previous;
}

/*
 * Without a handler before us: the default action again, and the instruction is executed once more when
 * this handler returns, so that the process dies of its own fault and the core shows it. A signal
 * that somebody sent does not come again by itself.
 */
static void die_as_before(int signal, siginfo_t *info, ucontext_t *context)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	int err = sys_sigaction(signal, &action, NULL);

	/* A fault that meets a blocked signal ends the process as well. */
	if (err < 0)
		(void)sigaddset(&context->uc_sigmask, signal);
	else if (info->si_code <= 0)
		(void)sys_signal_self(signal, info);
}

static void handle(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *previous = previous_of(signal);
	bool fault = info->si_code > 0;
	int saved = errno;

	if (fault)
		report(info, context);
	errno = saved;
	if (previous->sa_flags & SA_SIGINFO)
		previous->sa_sigaction(signal, info, context);
	else if (previous->sa_handler == SIG_DFL || (previous->sa_handler == SIG_IGN && fault))
		die_as_before(signal, info, context);
	else if (previous->sa_handler != SIG_IGN)
		previous->sa_handler(signal);
}

/* With the flags and the mask of the handler that was there, so that it runs as it is used to. */
static int watch(struct watched *w)
{
	struct sigaction action = { 0 };
	int err = sys_sigaction(w->signal, NULL, &w->previous);

	if (err < 0)
		return err;
	action = w->previous;
	if (!(action.sa_flags & SA_SIGINFO) &&
	    (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN))
		action.sa_flags = SA_ONSTACK;
	action.sa_flags |= SA_SIGINFO;
	action.sa_sigaction = handle;
	return sys_sigaction(w->signal, &action, NULL);
}

EXPORT int sealmem_report_faults(void)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;
	int err = 0;

	if (atomic_flag_test_and_set(&done))
		return 0;
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched) && err == 0; i++) {
		err = watch(&watched[i]);
		if (err < 0 && i > 0)
			(void)sys_sigaction(watched[0].signal, &watched[0].previous, NULL);
	}
	if (err < 0)
		atomic_flag_clear(&done);
	return err;
}

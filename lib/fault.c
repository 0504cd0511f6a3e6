/* SPDX-License-Identifier: MIT */

/*
 * Stores that must not succeed: this file tries one without dying of it, and reports which one it was
 * when a program does die of one. A process that stores to sealed memory gets SIGSEGV and no
 * explanation. The name of the region and the instruction turn an afternoon with a debugger into a
 * glance.
 *
 * The report runs in a signal handler of a broken process, perhaps on a stack of a few KiB. So it follows
 * no pointers of regions, reads /proc/self/maps again for each thing that it needs, in place of keeping a
 * line, and calls no function of the C library, except through sys.c. (At its first call, a function of
 * another library may take more stack than all of this: the loader looks for it.)
 */

#include "include/sealmem.h"

#include "lib/line.h"
#include "lib/machine.h"
#include "lib/maps.h"
#include "lib/memfd.h"
#include "lib/names.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

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
		return reason_for((int)carried, REASON_REFUSED_STORE);
	do
		stored = sys_read(pipe[0], addr, (size_t)carried);
	while (stored == -EINTR);
	if (stored < 0)
		return reason_for((int)stored, REASON_REFUSED_STORE);
	return stored == carried ? (int)stored : fail_for(REASON_REFUSED_STORE);
}

EXPORT int sealmem_try_write(void *addr, const void *bytes, size_t size)
{
	CLEANUP(close_fd_at) int reader = -1;
	CLEANUP(close_fd_at) int writer = -1;
	const char *from = bytes;
	char *to = addr;
	int pipe[2], done, err;

	reason_forget();
	if (bytes == NULL && size > 0)
		return fail_for(REASON_NO_BUFFER);
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

/* Names of files have room up to FOREIGN_END and those of regions to NAME_END, so that the rest of the line always
 * fits. */
#define NAME_END    340
#define FOREIGN_END 486

enum place { PLACE_ELSEWHERE, PLACE_INSIDE, PLACE_BEFORE, PLACE_AFTER };

/* What is known of the faulting address and of the instruction. */
struct sighting {
	enum place place;
	int id; /* of the memory that was hit, in names.c; -1 if only the kernel knows it */
	bool sealed, heap;
	struct maps_span region;
	uintptr_t address, instruction;
};

static const char memfd_path[] = "/memfd:" MEMFD_PREFIX;

#define MEMFD_PATH_LENGTH (sizeof(memfd_path) - 1)

static bool is_ours(struct maps *maps)
{
	char name[MEMFD_PATH_LENGTH];
	bool same = maps_take_name(maps, name, sizeof(name)) == (int)sizeof(name);

	for (size_t i = 0; i < sizeof(name) && same; i++)
		same = name[i] == memfd_path[i];
	return same;
}

static bool is_guard(const struct maps_span *span, uintptr_t address)
{
	return maps_holds(span, address) && span->protection == PROT_NONE;
}

/*
 * Guard pages of neighbouring regions merge into one mapping. An address in the page before a region
 * belongs to that region, unless it is nearer to the end of the region before.
 */
static bool is_before(const struct sighting *seen, const struct maps_span *region)
{
	uintptr_t distance = region->start - seen->address;

	if (distance > page_size())
		return false;
	return seen->place == PLACE_ELSEWHERE || distance < seen->address - seen->region.end;
}

/* A mapping of /proc/self/maps, and whether its name says that it is ours. */
struct step {
	struct maps_span span;
	bool ours;
};

/* A fault is about a region if it hit the region or inaccessible pages that touch it. */
static void place(struct sighting *seen, const struct step *before, const struct step *now)
{
	bool touching = before->span.end == now->span.start;
	enum place found = PLACE_ELSEWHERE;

	if (now->ours && maps_holds(&now->span, seen->address))
		found = PLACE_INSIDE;
	else if (now->ours && touching && is_guard(&before->span, seen->address) &&
		 is_before(seen, &now->span))
		found = PLACE_BEFORE;
	if (found != PLACE_ELSEWHERE) {
		seen->place = found;
		seen->region = now->span;
	} else if (before->ours && touching && is_guard(&now->span, seen->address)) {
		seen->place = PLACE_AFTER;
		seen->region = before->span;
	}
}

/* The regions that the kernel knows by a name of ours: also those that a copy of this library made, and those
 * that are too many for names.c. */
static void look_in_maps(struct sighting *seen)
{
	struct maps maps;
	struct step before = { 0 }, now;

	if (maps_open(&maps) < 0)
		return;
	while (maps_next_span(&maps, &now.span) > 0) {
		now.ours = is_ours(&maps);
		place(seen, &before, &now);
		before = now;
	}
	maps_close(&maps);
	seen->sealed = !(seen->region.protection & PROT_WRITE);
}

/* The program may have unmapped the memory, or a child may not have inherited it. */
static bool is_there(const struct names_memory *memory, uintptr_t address, bool inside)
{
	struct maps maps;
	struct maps_span span;
	bool found;

	if (memory->owner != 0 && memory->owner != sys_getpid())
		return false;
	if (maps_open(&maps) < 0)
		return true;
	found = maps_find(&maps, address, &span) > 0;
	maps_close(&maps);
	/* A heap may be closed, and has guard pages that are no mappings. */
	if (memory->heap)
		return found && (span.protection == PROT_NONE || span.shared == memory->shared);
	return found && (inside ? span.shared == memory->shared : span.protection == PROT_NONE);
}

static void look_in_names(struct sighting *seen)
{
	struct names_memory memory;
	int id = names_find(seen->address, &memory);
	enum place place = PLACE_INSIDE;

	if (id < 0)
		return;
	if (seen->address < memory.start)
		place = PLACE_BEFORE;
	else if (seen->address >= memory.end)
		place = PLACE_AFTER;
	if (!is_there(&memory, seen->address, place == PLACE_INSIDE))
		return;
	seen->id = id;
	seen->place = place;
	seen->sealed = memory.sealed;
	seen->heap = memory.heap;
	seen->region.start = memory.start;
}

static const char *const access_words[] = {
	[ACCESS_UNKNOWN] = "access to",
	[ACCESS_LOAD] = "load from",
	[ACCESS_STORE] = "store to",
};

/* Removes the end of the line, from `start` on, if it is this. */
static void take_back(struct line *line, size_t start, const char *end)
{
	size_t length = 0;

	while (end[length] != '\0')
		length++;
	if (line->cut || line->length - start < length)
		return;
	for (size_t i = 0; i < length; i++)
		if (line->text[line->length - length + i] != end[i])
			return;
	line->length -= length;
}

/* NAME of "/memfd:sealmem:NAME (deleted)". */
static void put_name_in_maps(struct line *line, uintptr_t address)
{
	struct maps maps;
	struct maps_span span;
	size_t start = line->length;
	char byte;

	if (maps_open(&maps) < 0)
		return;
	if (maps_find(&maps, address, &span) > 0 && is_ours(&maps))
		while (maps_take_name(&maps, &byte, 1) > 0)
			line_put_foreign(line, byte, NAME_END);
	maps_close(&maps);
	take_back(line, start, " (deleted)");
}

static void put_name(struct line *line, const struct sighting *seen)
{
	if (seen->id < 0)
		put_name_in_maps(line, seen->region.start);
	else
		for (const char *at = names_text(seen->id); *at != '\0'; at++)
			line_put_foreign(line, *at, NAME_END);
	line_end_foreign(line);
}

static void put_region(struct line *line, const struct sighting *seen)
{
	line_put_text(line, seen->place == PLACE_BEFORE ? " the guard page before" : "");
	line_put_text(line, seen->place == PLACE_AFTER ? " the guard page after" : "");
	if (seen->heap)
		line_put_text(line, " heap \"");
	else
		line_put_text(line, seen->sealed ? " sealed region \"" : " open region \"");
	put_name(line, seen);
	line_put_text(line, "\" at offset ");
	line_put_offset(line, (intptr_t)(seen->address - seen->region.start + seen->region.offset));
}

/* The last part of a path; false if the name is none. */
static bool put_file(struct line *line, struct maps *maps)
{
	size_t start = line->length;
	bool path = false;
	char byte;

	while (maps_take_name(maps, &byte, 1) > 0) {
		line_put_foreign(line, byte, FOREIGN_END);
		if (byte == '/') {
			line->length = start;
			line->cut = false;
			path = true;
		}
	}
	line_end_foreign(line);
	return path;
}

/* "(server+0x1234)": the file and the offset in it, as objdump(1) -F shows it. */
static void put_object(struct line *line, uintptr_t instruction)
{
	size_t start = line->length;
	struct maps maps;
	struct maps_span span;

	if (maps_open(&maps) < 0)
		return;
	line_put_text(line, " (");
	if (maps_find(&maps, instruction, &span) > 0 && put_file(line, &maps)) {
		line_put_text(line, "+");
		line_put_number(line, instruction - span.start + span.offset, 16);
		line_put_text(line, ")");
	} else {
		line->length = start;
	}
	maps_close(&maps);
}

static void put_report(struct line *line, const char *access, const struct sighting *seen)
{
	line_put_text(line, "sealmem: stray ");
	line_put_text(line, access);
	put_region(line, seen);
	line_put_text(line, " (");
	line_put_number(line, seen->address, 16);
	line_put_text(line, ") by instruction ");
	line_put_number(line, seen->instruction, 16);
	put_object(line, seen->instruction);
	line_put_text(line, "\n");
}

static void report(const siginfo_t *info, const ucontext_t *context)
{
	struct sighting seen = { .address = (uintptr_t)info->si_addr,
				 .instruction = machine_instruction(context),
				 .id = -1 };
	struct line line;

	look_in_names(&seen);
	if (seen.place == PLACE_ELSEWHERE)
		look_in_maps(&seen);
	if (seen.place == PLACE_ELSEWHERE)
		return;
	line.length = 0;
	line.cut = false;
	put_report(&line, access_words[machine_access(context)], &seen);
	line_write(&line, STDERR_FILENO);
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
 * If the program had no handler: the default action is restored, and the instruction runs again when
 * this handler returns. So the process dies of its own fault and the core file shows it. A signal that
 * somebody sent does not come again by itself.
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

/* With the flags and the mask of the previous handler, so that it runs as it expects to. */
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
	int err = 0, saved;

	reason_forget();
	if (atomic_flag_test_and_set(&done))
		return 0;
	/* So the loader need not find out on the stack of the handler where errno is. */
	saved = errno;
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched) && err == 0; i++) {
		err = watch(&watched[i]);
		if (err < 0 && i > 0)
			(void)sys_sigaction(watched[0].signal, &watched[0].previous, NULL);
	}
	if (err < 0)
		atomic_flag_clear(&done);
	errno = saved;
	return err;
}

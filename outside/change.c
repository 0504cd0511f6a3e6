/* SPDX-License-Identifier: MIT */

/*
 * Carries out a plan in a process, by the system calls of the helper. The file is one that was prepared. If there is none,
 * it is made in the process, and this program fills it, through a descriptor of its own. In both ways limits of the
 * process (memory, the size of files) do not count, and cannot end it.
 *
 * What replaces and seals is a list of calls, which the helper goes through by itself: that is faster than one order for
 * each, and it is complete also if this program dies meanwhile. All that can fail out of a lack of something comes before
 * the first address is sealed. Until then every range that was replaced goes back to private pages with the same bytes,
 * which can be written like those that were there.
 */

#include "outside/change.h"

#include "outside/fill.h"
#include "outside/kernel.h"
#include "outside/pass.h"

#include "lib/memfd.h"
#include "lib/util.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct maker {
	struct change *change;
	struct helper *helper;
	const struct target *target;
	const struct plan *plan;
	long descriptor; /* of the file, in the process */
	const struct prepared *prepared;
	uint64_t list;	       /* where the calls go, in the process */
	uint64_t memory, size; /* that is mapped for them there, if they need that */
	char *room;	       /* what goes there */
	size_t before, length; /* of what comes before the calls, and of all */
	size_t count;	       /* of calls; and, among them: */
	size_t passing, replaced, runs;
};

/* Linux knows MFD_NOEXEC_SEAL from 6.3 on. */
static long create(struct helper *helper)
{
	const uint64_t flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long file = HELPER_CALL(helper, SYS_memfd_create, helper->text, flags | MFD_NOEXEC_SEAL);

	return file != -EINVAL ? file : HELPER_CALL(helper, SYS_memfd_create, helper->text, flags);
}

/* The table of descriptors is a copy of the helper's own: if there is no room in it, the others can go. */
static enum refusal make_file(struct maker *maker)
{
	long local;

	maker->descriptor = create(maker->helper);
	if (maker->descriptor == -EMFILE) {
		(void)HELPER_CALL(maker->helper, SYS_close_range, 0, UINT32_MAX, 0);
		maker->descriptor = create(maker->helper);
	}
	if (maker->descriptor < 0)
		return refusal_of(maker->descriptor);
	local = kernel_take_descriptor(maker->helper->id, (int)maker->descriptor);
	if (local == -EINVAL)
		local = kernel_open_descriptor(maker->helper->id, (int)maker->descriptor);
	if (local < 0)
		return refusal_of(local);
	maker->change->file = (int)local;
	return refusal_of(sys_file_identity((int)local, &maker->change->identity));
}

static int compare(const struct maker *maker)
{
	CLEANUP(unmap_scoped) struct scoped_mapping all = { 0 };
	int err = sys_mmap(&all.addr, NULL, maker->plan->size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			   maker->change->file);

	if (err < 0)
		return err;
	all.size = maker->plan->size;
	return fill_compare(all.addr, maker->target, maker->plan);
}

static enum refusal fill_file(const struct maker *maker)
{
	int fd = maker->change->file;
	int err = fill_write(fd, maker->target, maker->plan);

	if (err == 0)
		err = memfd_seal(fd);
	if (err == 0)
		err = memfd_check(fd, maker->plan->size);
	if (err == 0)
		err = compare(maker);
	return err == -EBUSY ? REFUSAL_CHANGED : refusal_of(err);
}

/* Some kernels do not map a sealed file from the descriptor that wrote it, see lib/memfd.h. There the process needs a
 * /proc. */
static enum refusal choose_descriptor(struct maker *maker)
{
	char path[HELPER_TEXT_SIZE];
	long reader;

	memfd_lesson_learn(&memfd_writer_maps_sealed, maker->change->file);
	if (memfd_lesson_holds(&memfd_writer_maps_sealed))
		return REFUSAL_NONE;
	(void)snprintf(path, sizeof(path), "/proc/thread-self/fd/%ld", maker->descriptor);
	if (!helper_set_text(maker->helper, path))
		return REFUSAL_GONE;
	reader = HELPER_CALL(maker->helper, SYS_openat, (uint64_t)AT_FDCWD, maker->helper->text,
			     O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return refusal_of(reader);
	maker->descriptor = reader;
	return REFUSAL_NONE;
}

static size_t count_replaced(const struct plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->ranges[i].replaced;
	return count;
}

/* The next ranges that are adjacent. */
static struct range next_run(const struct plan *plan, size_t *next)
{
	struct range run = plan->ranges[(*next)++];

	while (*next < plan->count && plan->ranges[*next].start == run.end)
		run.end = plan->ranges[(*next)++].end;
	return run;
}

static size_t count_runs(const struct plan *plan)
{
	size_t count = 0;

	for (size_t next = 0; next < plan->count && !plan->content_only; count++)
		(void)next_run(plan, &next);
	return count;
}

/* For a list that does not go where the code is, or for what comes with a descriptor, which the process writes to. */
static enum refusal map_room(struct maker *maker)
{
	long address;

	maker->size = page_round_up(maker->length);
	address = HELPER_CALL(maker->helper, SYS_OWN_MMAP, 0, maker->size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0);
	if (address < 0)
		return refusal_of(address);
	maker->memory = (uint64_t)address;
	maker->list = maker->memory + maker->before;
	return REFUSAL_NONE;
}

/* A place for the list of calls. */
static enum refusal make_room(struct maker *maker)
{
	const bool passes = maker->plan->size > 0 && maker->prepared != NULL;

	maker->passing = passes ? PASS_CALLS : 0;
	maker->before = passes ? PASS_SIZE : 0;
	maker->replaced = count_replaced(maker->plan);
	maker->runs = count_runs(maker->plan);
	maker->length = maker->before + (maker->passing + 2 * maker->replaced + maker->runs + 2) *
						sizeof(struct listed_call);
	if (passes || maker->length > maker->helper->room_size)
		return map_room(maker);
	maker->list = maker->helper->room;
	return REFUSAL_NONE;
}

/* What was prepared is passed on by the list. */
static enum refusal take_file(struct maker *maker)
{
	enum refusal refusal;

	if (maker->prepared != NULL) {
		maker->descriptor = PASS_DESCRIPTOR;
		maker->change->file = sys_fcntl(maker->prepared->file, F_DUPFD_CLOEXEC, 0);
		return refusal_of(
			maker->change->file < 0
				? maker->change->file
				: sys_file_identity(maker->change->file, &maker->change->identity));
	}
	refusal = make_file(maker);
	if (refusal == REFUSAL_NONE)
		refusal = fill_file(maker);
	return refusal == REFUSAL_NONE ? choose_descriptor(maker) : refusal;
}

static uint64_t address_of(const struct maker *maker, size_t call)
{
	return maker->list + call * sizeof(struct listed_call);
}

static struct listed_call *list_of(const struct maker *maker)
{
	return (struct listed_call *)(maker->room + maker->before); /* NOLINT: it is aligned */
}

static void add_call(struct maker *maker, struct listed_call call)
{
	list_of(maker)[maker->count++] = call;
}

static void add_map(struct maker *maker, const struct range *range, uint64_t flags, size_t on_error)
{
	add_call(maker, (struct listed_call){
				.number = SYS_OWN_MMAP,
				.arguments = { range->start, range->end - range->start,
					       (uint64_t)range->protection, flags | MAP_FIXED,
					       (uint64_t)maker->descriptor, range->position },
				.on_error = address_of(maker, on_error),
			});
}

static void add_end(struct maker *maker)
{
	add_call(maker, (struct listed_call){ .number = ARCH_LIST_END });
}

/* The first failure takes everything back. After it, what is done stays. */
static void add_seals(struct maker *maker, size_t roll_back, size_t end)
{
	for (size_t next = 0, i = 0; i < maker->runs; i++) {
		struct range run = next_run(maker->plan, &next);

		add_call(maker, (struct listed_call){
					.number = __NR_mseal,
					.arguments = { run.start, run.end - run.start },
					.on_error = address_of(maker, i == 0 ? roll_back : end),
				});
	}
}

static uint64_t flags_of(const struct range *range)
{
	return MAP_SHARED | (range->kind == RANGE_RELRO ? MAP_POPULATE : 0);
}

/*
 * Receives the file, replaces all, seals all, end; and then, for failures, rolls back in the opposite order, end. What can
 * be missing in a program that goes on is not mapped in advance, only what every program uses: RELRO. To roll back is to map the
 * same bytes as private pages. If a range fails, it may be gone on some kernels, so it is rolled back itself. The kernel
 * refuses that where pages are sealed already.
 */
static void write_list(struct maker *maker)
{
	const struct plan *plan = maker->plan;
	const size_t end = maker->passing + maker->replaced + maker->runs, roll_back = end + 1;
	size_t left = maker->replaced;

	if (maker->passing > 0) {
		pass_write(maker->room, maker->memory);
		pass_list(list_of(maker), maker->memory, address_of(maker, end));
	}
	maker->count = maker->passing;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ranges[i].replaced)
			add_map(maker, &plan->ranges[i], flags_of(&plan->ranges[i]),
				roll_back + --left);
	add_seals(maker, roll_back, end);
	add_end(maker);
	for (size_t i = plan->count; i > 0; i--)
		if (plan->ranges[i - 1].replaced)
			add_map(maker, &plan->ranges[i - 1], MAP_PRIVATE, maker->count + 1);
	add_end(maker);
}

static enum refusal judge(const struct maker *maker, const struct list_result *result)
{
	size_t failed =
		(size_t)(result->failed - address_of(maker, 0)) / sizeof(struct listed_call);
	size_t seals = maker->passing + maker->replaced;

	maker->change->sealed = result->failed == 0 || failed > seals;
	if (result->failed == 0)
		return result->at == address_of(maker, seals + maker->runs) ? REFUSAL_NONE
									    : REFUSAL_GONE;
	maker->change->not_passed = failed <= maker->passing && maker->passing > 0;
	/* The kernel refuses with EPERM to replace pages that are sealed. */
	return failed < seals && result->error == -EPERM ? REFUSAL_SEALED_BEFORE
							 : refusal_of(result->error);
}

static bool hand_over_list(const struct maker *maker)
{
	if (maker->memory == 0)
		return helper_fill_room(maker->helper, maker->room, maker->length);
	return kernel_write_memory(maker->helper->id, maker->room, maker->length, maker->memory) >=
	       0;
}

/* If the helper is lost in the list, nobody knows how far it came. */
static enum refusal run_list(struct maker *maker)
{
	struct list_result result;

	if (!hand_over_list(maker) ||
	    !helper_begin_list(maker->helper, address_of(maker, 0), maker->memory, maker->size))
		return REFUSAL_GONE;
	maker->change->sealed = true;
	if (maker->passing > 0)
		pass_send(maker->helper, maker->memory, maker->prepared->reader);
	return helper_finish_list(maker->helper, &result) ? judge(maker, &result) : REFUSAL_GONE;
}

static enum refusal carry_out(struct maker *maker)
{
	enum refusal refusal;

	maker->room = calloc(1, maker->length);
	if (maker->room == NULL)
		return REFUSAL_OUT_OF_MEMORY;
	write_list(maker);
	refusal = run_list(maker);
	free(maker->room);
	return refusal;
}

/* The memory goes with the list. If there was none, it goes now. */
static void end(struct maker *maker)
{
	if (!maker->helper->exits && maker->memory != 0)
		(void)HELPER_CALL(maker->helper, SYS_munmap, maker->memory, maker->size);
	helper_end(maker->helper);
}

enum refusal change_make(struct change *ret, struct helper *helper, const struct target *target,
			 const struct plan *plan, const struct prepared *prepared)
{
	struct maker maker = {
		.change = ret,
		.helper = helper,
		.target = target,
		.plan = plan,
		.prepared = prepared,
		.descriptor = -1,
	};
	enum refusal refusal;

	*ret = (struct change){ .file = -1 };
	refusal = make_room(&maker);
	if (refusal == REFUSAL_NONE && plan->size > 0)
		refusal = take_file(&maker);
	if (refusal == REFUSAL_NONE)
		refusal = carry_out(&maker);
	end(&maker);
	return refusal;
}

void change_free(const struct change *change)
{
	(void)close_fd(change->file);
}

/* SPDX-License-Identifier: MIT */

/*
 * The runner reports what happened. The attacks here are made for that: one lies about its success,
 * one does harm and reports a refusal, one hangs, one dies, one leaves a process running. So are
 * the victims: one is unavailable, one has a seal that is refused, one has a seal that destroys
 * what it seals.
 */

#include "attack/attack.h"
#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "tests/support/support.h"
#include "attack/victims.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct attack_settings patient = ATTACK_SETTINGS;
static const struct attack_settings hasty = { .limit = 1 };

/* The control of an attack that works. */
static const struct result works = { .outcome = OUTCOME_CHANGED };

/* Shared with the processes of a trial. */
static pid_t *left_behind;

static int pretend_refusal(struct scene *scene)
{
	evil_fill(scene->data, scene->page);
	return -EPERM;
}

static int pretend_success(struct scene *scene)
{
	(void)scene;
	return 0;
}

static int be_refused(struct scene *scene)
{
	(void)scene;
	return -EXDEV;
}

static int change_one_byte(struct scene *scene)
{
	scene->data[scene->size - scene->page - 1] ^= 1;
	return 0;
}

static int touch_the_last_page(struct scene *scene)
{
	scene->data[scene->size - 1] = 1;
	return 0;
}

static int unmap(struct scene *scene)
{
	return munmap(scene->data, scene->size);
}

static int replace_by_zeroes(struct scene *scene)
{
	return mmap(scene->data, scene->size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == MAP_FAILED;
}

static int forbid_reading(struct scene *scene)
{
	return mprotect(scene->data, scene->size, PROT_NONE);
}

static void allow_reading(struct scene *scene)
{
	(void)mprotect(scene->data, scene->size, PROT_READ);
}

static int steal_it(struct scene *scene)
{
	steal(scene, scene->data, sizeof(scene->loot));
	return 0;
}

static int steal_something_else(struct scene *scene)
{
	const char other[64] = "not what is there";

	steal(scene, other, sizeof(other));
	return 0;
}

static int hang(struct scene *scene)
{
	(void)scene;
	return pause();
}

static int die(struct scene *scene)
{
	(void)scene;
	_exit(3);
}

static int leave_a_process(struct scene *scene)
{
	pid_t pid = fork();

	if (pid == 0)
		hang(scene);
	*left_behind = pid;
	return 0;
}

static int leave_a_grandchild(struct scene *scene)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)leave_a_process(scene);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

static int decline(struct scene *scene)
{
	return not_applicable(scene, "no such thing here");
}

static int be_unknown(struct scene *scene)
{
	(void)scene;
	return -ENOSYS;
}

static int fail_to_open(struct memory *memory)
{
	(void)memory;
	return -ENOMEM;
}

static int refuse_seal(struct memory *memory)
{
	(void)memory;
	return -EBUSY;
}

static int seal_destructively(struct memory *memory)
{
	memset(memory->data, 0, memory->size);
	return 0;
}

static int seal_by_unmapping(struct memory *memory)
{
	return munmap(memory->data, memory->size) == 0 ? -EBUSY : 0;
}

static struct attack attack_by(int (*run)(struct scene *scene))
{
	return (struct attack){
		.name = "made up", .target = TARGET_CONTENT, .vantage = VANTAGE_SELF, .run = run
	};
}

static struct result try_on(const struct attack *attack, const struct victim *victim,
			    const struct attack_settings *settings)
{
	struct result result;

	attack_try(&result, attack, victim, &works, settings);
	return result;
}

static struct result try(const struct attack *attack)
{
	return try_on(attack, &control_private, &patient);
}

static enum outcome outcome_of(int (*run)(struct scene *scene))
{
	struct attack attack = attack_by(run);

	return try(&attack).outcome;
}

START_TEST(bytes_that_changed_count_whatever_the_attack_reports)
{
	struct attack attack = attack_by(pretend_refusal);

	ck_assert_int_eq(try(&attack).outcome, OUTCOME_CHANGED);
	ck_assert_int_eq(try(&attack).error, 0);
}
END_TEST

START_TEST(an_attack_that_reports_success_and_did_nothing_was_held)
{
	struct attack attack = attack_by(pretend_success);

	ck_assert_int_eq(try(&attack).outcome, OUTCOME_HELD);
	ck_assert_int_eq(try(&attack).error, 0);
}
END_TEST

START_TEST(an_attack_that_was_refused_was_held_with_its_errno)
{
	struct attack attack = attack_by(be_refused);

	ck_assert_int_eq(try(&attack).outcome, OUTCOME_HELD);
	ck_assert_int_eq(try(&attack).error, -EXDEV);
}
END_TEST

START_TEST(one_byte_is_enough)
{
	ck_assert_int_eq(outcome_of(change_one_byte), OUTCOME_CHANGED);
}
END_TEST

START_TEST(a_byte_where_none_was_ever_written_is_enough)
{
	ck_assert_int_eq(outcome_of(touch_the_last_page), OUTCOME_CHANGED);
}
END_TEST

START_TEST(memory_that_is_gone_is_destroyed)
{
	ck_assert_int_eq(outcome_of(unmap), OUTCOME_DESTROYED);
}
END_TEST

START_TEST(other_memory_in_its_place_is_destroyed)
{
	struct attack attack = attack_by(replace_by_zeroes);

	attack.target = TARGET_ADDRESS;
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_DESTROYED);
}
END_TEST

START_TEST(memory_that_comes_back_was_hidden)
{
	struct attack attack = attack_by(forbid_reading);

	attack.undo = allow_reading;
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_HIDDEN);
}
END_TEST

START_TEST(memory_that_nothing_brings_back_was_destroyed)
{
	ck_assert_int_eq(outcome_of(forbid_reading), OUTCOME_DESTROYED);
}
END_TEST

START_TEST(bytes_that_were_read_leaked)
{
	ck_assert_int_eq(outcome_of(steal_it), OUTCOME_LEAKED);
}
END_TEST

START_TEST(bytes_of_something_else_did_not_leak)
{
	ck_assert_int_eq(outcome_of(steal_something_else), OUTCOME_HELD);
}
END_TEST

START_TEST(an_attack_that_hangs_has_no_verdict)
{
	struct attack attack = attack_by(hang);
	struct result result = try_on(&attack, &control_private, &hasty);

	ck_assert_int_eq(result.outcome, OUTCOME_NO_VERDICT);
	ck_assert_str_eq(result.reason, "it hung during the attack");
}
END_TEST

START_TEST(a_victim_that_dies_has_no_verdict)
{
	struct attack attack = attack_by(die);
	struct result result = try(&attack);

	ck_assert_int_eq(result.outcome, OUTCOME_NO_VERDICT);
	ck_assert_ptr_nonnull(strstr(result.reason, "died during the attack"));
}
END_TEST

START_TEST(an_attacker_in_another_process_that_dies_has_no_verdict)
{
	struct attack attack = attack_by(die);

	attack.vantage = VANTAGE_CHILD;
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_NO_VERDICT);
	attack.vantage = VANTAGE_SAME_USER;
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_NO_VERDICT);
}
END_TEST

static bool is_gone(pid_t pid)
{
	return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

static void share_pid(void)
{
	left_behind = mmap(NULL, sizeof(*left_behind), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(left_behind, MAP_FAILED);
}

START_TEST(no_process_is_left_behind)
{
	struct attack attack = attack_by(leave_a_process);

	share_pid();
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_HELD);
	ck_assert(is_gone(*left_behind));
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(no_orphan_is_left_behind)
{
	struct attack attack = attack_by(leave_a_grandchild);

	share_pid();
	ck_assert_int_eq(try(&attack).outcome, OUTCOME_HELD);
	ck_assert(is_gone(*left_behind));
}
END_TEST

START_TEST(nothing_of_a_trial_is_left_in_this_process)
{
	struct attack attack = attack_by(steal_it);
	struct census before = take_census();

	for (int i = 0; i < 3; i++)
		(void)try(&attack);
	assert_same_census(before);
}
END_TEST

START_TEST(an_attack_that_declines_is_not_applicable)
{
	struct attack attack = attack_by(decline);
	struct result result = try(&attack);

	ck_assert_int_eq(result.outcome, OUTCOME_NOT_APPLICABLE);
	ck_assert_str_eq(result.reason, "no such thing here");
}
END_TEST

START_TEST(an_attack_by_an_unknown_system_call_is_not_applicable)
{
	ck_assert_int_eq(outcome_of(be_unknown), OUTCOME_NOT_APPLICABLE);
}
END_TEST

START_TEST(an_attack_that_does_nothing_to_unsealed_memory_is_not_applicable)
{
	struct attack attack = attack_by(be_refused);
	struct result control, result;

	attack_try_control(&control, &attack, &patient);
	ck_assert_int_eq(control.outcome, OUTCOME_HELD);
	attack_try(&result, &attack, &control_private, &control, &patient);
	ck_assert_int_eq(result.outcome, OUTCOME_NOT_APPLICABLE);
	ck_assert_int_eq(result.error, -EXDEV);
}
END_TEST

START_TEST(an_attack_that_succeeds_counts_whatever_it_did_to_unsealed_memory)
{
	struct attack attack = attack_by(change_one_byte);
	struct result control = { .outcome = OUTCOME_HELD }, result;

	attack_try(&result, &attack, &control_private, &control, &patient);
	ck_assert_int_eq(result.outcome, OUTCOME_CHANGED);
}
END_TEST

START_TEST(a_dangerous_attack_needs_a_setting)
{
	struct attack attack = attack_by(change_one_byte);
	struct attack_settings settings = ATTACK_SETTINGS;

	attack.dangerous = true;
	ck_assert_int_eq(try_on(&attack, &control_private, &settings).outcome,
			 OUTCOME_NOT_APPLICABLE);
	settings.dangerous = true;
	ck_assert_int_eq(try_on(&attack, &control_private, &settings).outcome, OUTCOME_CHANGED);
}
END_TEST

START_TEST(an_attack_that_needs_root_says_so)
{
	struct attack attack = attack_by(change_one_byte);

	attack.privileged = true;
	if (geteuid() == 0)
		ck_assert_int_eq(try(&attack).outcome, OUTCOME_CHANGED);
	else
		ck_assert_str_eq(try(&attack).reason, "needs root");
}
END_TEST

START_TEST(memory_that_is_unavailable_cannot_be_attacked)
{
	const struct victim victim = { .name = "made up", .open = fail_to_open };
	struct attack attack = attack_by(change_one_byte);
	struct result result = try_on(&attack, &victim, &patient);

	ck_assert_int_eq(result.outcome, OUTCOME_NOT_APPLICABLE);
	ck_assert_int_eq(result.error, -ENOMEM);
}
END_TEST

static struct victim private_sealed_by(int (*seal)(struct memory *memory))
{
	struct victim victim = control_private;

	victim.seal = seal;
	return victim;
}

START_TEST(a_seal_refused_while_an_attack_holds_the_memory_is_no_seal)
{
	struct victim victim = private_sealed_by(refuse_seal);
	struct attack attack = attack_by(change_one_byte);
	struct result result;

	attack.before = pretend_success;
	result = try_on(&attack, &victim, &patient);
	ck_assert_int_eq(result.outcome, OUTCOME_NO_SEAL);
	ck_assert_int_eq(result.error, -EBUSY);
}
END_TEST

START_TEST(a_seal_refused_for_another_reason_was_not_tried)
{
	struct victim victim = private_sealed_by(refuse_seal);
	struct attack attack = attack_by(change_one_byte);
	struct result result = try_on(&attack, &victim, &patient);

	ck_assert_int_eq(result.outcome, OUTCOME_NOT_APPLICABLE);
	ck_assert_int_eq(result.error, -EBUSY);
	ck_assert_str_eq(result.reason, "the seal is refused");
}
END_TEST

START_TEST(an_attack_whose_preparation_is_refused_is_not_carried_out)
{
	struct attack attack = attack_by(change_one_byte);
	struct result result;

	attack.before = be_refused;
	result = try(&attack);
	ck_assert_int_eq(result.outcome, OUTCOME_HELD);
	ck_assert_int_eq(result.error, -EXDEV);
}
END_TEST

START_TEST(a_seal_that_changes_the_bytes_is_not_taken_for_an_attack)
{
	struct victim victim = private_sealed_by(seal_destructively);
	struct attack attack = attack_by(pretend_success);
	struct result result = try_on(&attack, &victim, &patient);

	ck_assert_int_eq(result.outcome, OUTCOME_CHANGED);
	ck_assert_str_eq(result.reason, "by the seal itself");
}
END_TEST

START_TEST(a_seal_that_is_refused_and_loses_the_memory_is_no_refusal)
{
	struct victim victim = private_sealed_by(seal_by_unmapping);
	struct attack attack = attack_by(pretend_success);

	ck_assert_int_eq(try_on(&attack, &victim, &patient).outcome, OUTCOME_DESTROYED);
}
END_TEST

START_TEST(an_unavailable_column_says_why)
{
	const struct victim victim = { .name = "made up", .open = fail_to_open };
	struct attack_column column;

	attack_try_column(&column, &victim, &patient);
	ck_assert(!column.available);
	ck_assert_int_eq(column.error, -ENOMEM);
	ck_assert_str_ne(column.reason, "");
	attack_try_column(&column, &control_private, &patient);
	ck_assert(column.available);
}
END_TEST

/* The judgement of an outcome in a column that promises `promise`. */
static enum judgement judge(enum target target, enum target promise, enum outcome outcome)
{
	struct attack attack = { .target = target };
	struct victim victim = { .promises = 1u << promise };
	struct attack_column column = { .victim = &victim, .available = true };
	struct result result = { .outcome = outcome };

	return attack_judge(&attack, &column, &result);
}

START_TEST(a_promise_that_did_not_hold_is_broken)
{
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_CHANGED), JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_DESTROYED),
			 JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_ADDRESS, TARGET_ADDRESS, OUTCOME_HIDDEN), JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_SECRECY, TARGET_SECRECY, OUTCOME_LEAKED), JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_AVAILABILITY, TARGET_AVAILABILITY, OUTCOME_HIDDEN),
			 JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_NO_VERDICT),
			 JUDGEMENT_BROKEN);
}
END_TEST

START_TEST(a_promise_that_nobody_made_is_not_broken)
{
	ck_assert_int_eq(judge(TARGET_ADDRESS, TARGET_CONTENT, OUTCOME_DESTROYED),
			 JUDGEMENT_UNPROMISED);
	ck_assert_int_eq(judge(TARGET_SECRECY, TARGET_CONTENT, OUTCOME_LEAKED),
			 JUDGEMENT_UNPROMISED);
	ck_assert_int_eq(judge(TARGET_AVAILABILITY, TARGET_ADDRESS, OUTCOME_HIDDEN),
			 JUDGEMENT_UNPROMISED);
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_ADDRESS, OUTCOME_CHANGED),
			 JUDGEMENT_UNPROMISED);
}
END_TEST

START_TEST(changed_content_is_broken_whatever_the_attack_was_after)
{
	ck_assert_int_eq(judge(TARGET_AVAILABILITY, TARGET_CONTENT, OUTCOME_CHANGED),
			 JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_SECRECY, TARGET_CONTENT, OUTCOME_CHANGED), JUDGEMENT_BROKEN);
}
END_TEST

START_TEST(an_attack_that_was_held_has_passed)
{
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_HELD), JUDGEMENT_PASSED);
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_NO_SEAL), JUDGEMENT_PASSED);
	ck_assert_int_eq(judge(TARGET_CONTENT, TARGET_CONTENT, OUTCOME_NOT_APPLICABLE),
			 JUDGEMENT_PASSED);
}
END_TEST

START_TEST(a_known_gap_counts_only_for_the_seal_that_has_it)
{
	struct attack attack = { .target = TARGET_ADDRESS, .gaps = GAP_EMULATED };
	struct victim victim = { .promises = 1u << TARGET_ADDRESS };
	struct attack_column column = { .victim = &victim, .available = true };
	struct result result = { .outcome = OUTCOME_DESTROYED };

	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BROKEN);
	column.emulated = true;
	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BY_DESIGN);
}
END_TEST

START_TEST(a_gap_of_a_closed_heap_is_none_of_a_secret)
{
	struct attack attack = { .target = TARGET_SECRECY, .gaps = GAP_CLOSED, .accesses = true };
	struct victim secret = { .promises = 1u << TARGET_SECRECY };
	struct victim closed = { .promises = 1u << TARGET_ACCESS };
	struct attack_column column = { .victim = &secret, .available = true };
	struct result result = { .outcome = OUTCOME_LEAKED };

	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BROKEN);
	column.victim = &closed;
	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BY_DESIGN);
	attack.gaps = GAP_NONE;
	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BROKEN);
}
END_TEST

/* A heap that notices at the next check, or does not. */
static void *allocate(void *heap, size_t size)
{
	(void)heap;
	return calloc(1, size);
}

static void leave_it(void *heap, void *object)
{
	(void)heap;
	(void)object;
}

static int find_nothing(void *heap)
{
	(void)heap;
	return 0;
}

static _Noreturn void end_with(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
	abort();
}

#define THE_LINE "sealmem: heap \"attack\" is corrupted: 0x1000 was overwritten\n"

static int end_with_the_line(void *heap)
{
	(void)heap;
	end_with(THE_LINE);
}

static int end_with_two_lines(void *heap)
{
	(void)heap;
	end_with(THE_LINE "and another line\n");
}

static int end_with_another_name(void *heap)
{
	(void)heap;
	end_with("sealmem: heap \"another\" is corrupted: 0x1000 was overwritten\n");
}

static int end_silently(void *heap)
{
	(void)heap;
	abort();
}

static int make_nothing(void **ret, unsigned guarantees)
{
	(void)guarantees;
	*ret = NULL;
	return 0;
}

static int make_no_heap(void **ret, unsigned guarantees)
{
	(void)ret;
	(void)guarantees;
	return -EAGAIN;
}

static struct heap heap_with(int (*check)(void *heap))
{
	return (struct heap){
		.new = make_nothing,
		.alloc = allocate,
		.dealloc = leave_it,
		.check = check,
		.close = find_nothing,
		.open = find_nothing,
	};
}

static struct result try_on_heap(const char *name, const struct heap *heap)
{
	struct victim victim = control_private;

	victim.heap = heap;
	return try_on(attack_find(name), &victim, &patient);
}

static enum outcome outcome_of_check(int (*check)(void *heap))
{
	const struct heap heap = heap_with(check);

	return try_on_heap("free-twice", &heap).outcome;
}

START_TEST(a_heap_that_writes_its_line_and_aborts_has_found_it)
{
	ck_assert_int_eq(outcome_of_check(end_with_the_line), OUTCOME_FOUND);
	ck_assert_int_eq(outcome_of_check(find_nothing), OUTCOME_CHANGED);
}
END_TEST

START_TEST(a_heap_that_dies_in_another_way_has_no_verdict)
{
	ck_assert_int_eq(outcome_of_check(end_with_two_lines), OUTCOME_NO_VERDICT);
	ck_assert_int_eq(outcome_of_check(end_with_another_name), OUTCOME_NO_VERDICT);
	ck_assert_int_eq(outcome_of_check(end_silently), OUTCOME_NO_VERDICT);
}
END_TEST

START_TEST(harm_that_a_heap_does_not_notice_has_changed_it)
{
	const struct heap silent = heap_with(find_nothing);

	ck_assert_int_eq(try_on_heap("free-inside", &silent).outcome, OUTCOME_CHANGED);
	ck_assert_int_eq(try_on_heap("freed-store", &silent).outcome, OUTCOME_CHANGED);
}
END_TEST

START_TEST(what_a_heap_finds_after_a_secret_was_read_is_too_late)
{
	const struct heap heap = heap_with(end_with_the_line);

	ck_assert_int_eq(try_on_heap("freed-load", &heap).outcome, OUTCOME_LEAKED);
	ck_assert_int_eq(try_on_heap("freed-scan", &heap).outcome, OUTCOME_LEAKED);
}
END_TEST

/* A heap that stays closed when its owner opens it. */
#define HIDDEN_PAGES 8
static char *hidden, *fresh;

static int make_pages(void **ret, unsigned guarantees)
{
	(void)guarantees;
	*ret = hidden = fresh = map_private(HIDDEN_PAGES * page_size());
	return 0;
}

static void *allocate_page(void *heap, size_t size)
{
	char *page = fresh;

	(void)heap;
	(void)size;
	if (page == hidden + HIDDEN_PAGES * page_size())
		return NULL;
	fresh += page_size();
	return page;
}

static int hide_pages(void *heap)
{
	return mprotect(heap, HIDDEN_PAGES * page_size(), PROT_NONE);
}

START_TEST(a_scan_that_does_not_find_a_living_secret_has_no_verdict)
{
	struct victim victim = control_private;
	struct heap heap = heap_with(find_nothing);
	struct attack attack = *attack_find("freed-scan");

	heap.new = make_pages;
	heap.alloc = allocate_page;
	heap.open = hide_pages;
	victim.heap = &heap;
	ck_assert_int_eq(try_on(&attack, &victim, &patient).outcome, OUTCOME_LEAKED);
	victim.closes = true;
	ck_assert_int_eq(try_on(&attack, &victim, &patient).outcome, OUTCOME_NO_VERDICT);
}
END_TEST

START_TEST(a_heap_that_cannot_be_made_was_not_tried)
{
	struct heap heap = heap_with(find_nothing);

	heap.new = make_no_heap;
	ck_assert_int_eq(try_on_heap("free-twice", &heap).outcome, OUTCOME_NOT_APPLICABLE);
}
END_TEST

START_TEST(memory_that_is_no_object_of_a_heap_has_no_such_mistakes)
{
	ck_assert_str_eq(try_on_heap("free-twice", NULL).reason, "it is no object of a heap");
}
END_TEST

static struct victim freed_by(int (*seal)(struct memory *memory))
{
	struct victim victim = private_sealed_by(seal);

	victim.gone = true;
	return victim;
}

static int seal_in_no_way(struct memory *memory)
{
	(void)memory;
	return 0;
}

START_TEST(an_object_that_is_freed_and_not_wiped_has_leaked)
{
	struct victim wiped = freed_by(seal_destructively), left = freed_by(seal_in_no_way);
	struct attack attack = attack_by(steal_it);

	attack.target = TARGET_SECRECY;
	ck_assert_int_eq(try_on(&attack, &wiped, &patient).outcome, OUTCOME_HELD);
	ck_assert_int_eq(try_on(&attack, &left, &patient).outcome, OUTCOME_LEAKED);
	ck_assert_str_eq(try_on(&attack, &left, &patient).reason, "it is not wiped");
}
END_TEST

START_TEST(a_column_whose_seal_does_harm_is_tried_and_broken)
{
	struct victim left = freed_by(seal_in_no_way), changed;
	const struct attack *attack = attack_find("vm-readv");
	struct attack_column column;
	struct attack_cell cell;

	left.promises = 1u << TARGET_SECRECY;
	attack_try_column(&column, &left, &patient);
	ck_assert(column.available);
	attack_try_cell(&cell, attack, &column, &works, &patient);
	ck_assert_int_eq(cell.judgement, JUDGEMENT_BROKEN);
	changed = private_sealed_by(seal_destructively);
	attack_try_column(&column, &changed, &patient);
	ck_assert(column.available);
}
END_TEST

START_TEST(nothing_of_a_freed_object_is_left_to_change)
{
	struct victim wiped = freed_by(seal_destructively);
	struct attack attack = attack_by(change_one_byte);

	ck_assert_int_eq(try_on(&attack, &wiped, &patient).outcome, OUTCOME_NOT_APPLICABLE);
}
END_TEST

START_TEST(a_promise_of_access_is_broken_by_plain_loads_and_stores_alone)
{
	struct attack attack = { .target = TARGET_CONTENT };
	struct victim victim = { .promises = 1u << TARGET_ACCESS };
	struct attack_column column = { .victim = &victim, .available = true };
	struct result result = { .outcome = OUTCOME_CHANGED };

	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_UNPROMISED);
	attack.accesses = true;
	ck_assert_int_eq(attack_judge(&attack, &column, &result), JUDGEMENT_BROKEN);
	ck_assert_int_eq(judge(TARGET_HEAP, TARGET_HEAP, OUTCOME_FOUND), JUDGEMENT_PASSED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		bytes_that_changed_count_whatever_the_attack_reports,
		an_attack_that_reports_success_and_did_nothing_was_held,
		an_attack_that_was_refused_was_held_with_its_errno,
		one_byte_is_enough,
		a_byte_where_none_was_ever_written_is_enough,
		memory_that_is_gone_is_destroyed,
		other_memory_in_its_place_is_destroyed,
		memory_that_comes_back_was_hidden,
		memory_that_nothing_brings_back_was_destroyed,
		bytes_that_were_read_leaked,
		bytes_of_something_else_did_not_leak,
		an_attack_that_hangs_has_no_verdict,
		a_victim_that_dies_has_no_verdict,
		an_attacker_in_another_process_that_dies_has_no_verdict,
		no_process_is_left_behind,
		no_orphan_is_left_behind,
		nothing_of_a_trial_is_left_in_this_process,
		an_attack_that_declines_is_not_applicable,
		an_attack_by_an_unknown_system_call_is_not_applicable,
		an_attack_that_does_nothing_to_unsealed_memory_is_not_applicable,
		an_attack_that_succeeds_counts_whatever_it_did_to_unsealed_memory,
		a_dangerous_attack_needs_a_setting,
		an_attack_that_needs_root_says_so,
		memory_that_is_unavailable_cannot_be_attacked,
		a_seal_refused_while_an_attack_holds_the_memory_is_no_seal,
		a_seal_refused_for_another_reason_was_not_tried,
		an_attack_whose_preparation_is_refused_is_not_carried_out,
		a_seal_that_changes_the_bytes_is_not_taken_for_an_attack,
		a_seal_that_is_refused_and_loses_the_memory_is_no_refusal,
		an_unavailable_column_says_why,
		a_promise_that_did_not_hold_is_broken,
		a_promise_that_nobody_made_is_not_broken,
		changed_content_is_broken_whatever_the_attack_was_after,
		an_attack_that_was_held_has_passed,
		a_known_gap_counts_only_for_the_seal_that_has_it,
		a_gap_of_a_closed_heap_is_none_of_a_secret,
		a_heap_that_writes_its_line_and_aborts_has_found_it,
		a_heap_that_dies_in_another_way_has_no_verdict,
		harm_that_a_heap_does_not_notice_has_changed_it,
		what_a_heap_finds_after_a_secret_was_read_is_too_late,
		a_scan_that_does_not_find_a_living_secret_has_no_verdict,
		a_heap_that_cannot_be_made_was_not_tried,
		memory_that_is_no_object_of_a_heap_has_no_such_mistakes,
		an_object_that_is_freed_and_not_wiped_has_leaked,
		a_column_whose_seal_does_harm_is_tried_and_broken,
		nothing_of_a_freed_object_is_left_to_change,
		a_promise_of_access_is_broken_by_plain_loads_and_stores_alone,
	};

	return RUN_TESTS("runner", tests);
}

/* SPDX-License-Identifier: MIT */

/*
 * The attacks themselves. If all of them find that a seal held, perhaps none of them works: an
 * attack with a mistake in it is refused everywhere. So each attack has to succeed on memory that
 * is not sealed, here and now. Each exception names the first kernel that has what the attack
 * needs; from that kernel on it is no exception.
 */

#include "attack/attack.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* An older kernel has the system call but not the operation, and answers EINVAL. */
static const struct {
	const char *attack;
	unsigned major, minor;
} younger[] = {
	{ "io-uring-guard", 6, 15 },
	{ "io-uring-guard-before", 6, 15 },
	{ "io-uring-queues-before", 6, 5 },
	{ "madvise-dontneed-locked", 5, 18 },
	{ "madvise-guard", 6, 15 },
	{ "process-madvise-dontneed", 6, 13 },
	{ "process-madvise-guard", 6, 15 },
	{ "userfaultfd-minor", 5, 14 },
	{ "userfaultfd-minor-before", 5, 14 },
	{ "userfaultfd-move", 6, 8 },
#ifdef __aarch64__
	{ "userfaultfd-unprotect-before", 6, 10 },
#endif
};

static bool kernel_is_older(unsigned major, unsigned minor)
{
	unsigned here_major = 0, here_minor = 0;
	struct utsname names;

	ck_assert_int_eq(uname(&names), 0);
	ck_assert_int_eq(sscanf(names.release, "%u.%u", &here_major, &here_minor), 2);
	return here_major != major ? here_major < major : here_minor < minor;
}

static bool is_too_young(const struct attack *attack)
{
	for (size_t i = 0; i < sizeof(younger) / sizeof(*younger); i++)
		if (strcmp(younger[i].attack, attack->name) == 0)
			return kernel_is_older(younger[i].major, younger[i].minor);
	return false;
}

/* A number in /proc/self/status. */
static unsigned long long status_field(const char *name, int base)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[256];

	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name), NULL, base);
	fclose(status);
	return value;
}

/* In a container, some calls are refused in every case. */
static bool is_confined(void)
{
	const unsigned long long sys_admin = 1ULL << 21;

	return status_field("Seccomp:", 10) != 0 ||
	       (geteuid() == 0 && !(status_field("CapEff:", 16) & sys_admin));
}

static bool rings_are_disabled(void)
{
	FILE *setting = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = 0;

	if (setting != NULL) {
		ck_assert_int_eq(fscanf(setting, "%d", &value), 1);
		fclose(setting);
	}
	return value != 0;
}

static bool is_refused_here(const struct attack *attack, int error)
{
	bool ring = strncmp(attack->name, "io-uring", strlen("io-uring")) == 0;

	return error == -EPERM && (is_confined() || (ring && rings_are_disabled()));
}

static bool succeeded(const struct result *result)
{
	return result->outcome >= OUTCOME_CHANGED && result->outcome <= OUTCOME_LEAKED;
}

/* Whether an attack may fail here. Prints the reason if it may. */
static bool is_excused(const struct attack *attack, const struct result *result)
{
	const char *why = NULL;

	if (result->outcome == OUTCOME_NOT_APPLICABLE)
		why = result->reason;
	else if (result->error == -EINVAL && is_too_young(attack))
		why = "needs a later kernel";
	else if (is_refused_here(attack, result->error))
		why = "refused by the sandbox";
	if (why != NULL)
		printf("SKIP attack %s: %s\n", attack->name, why);
	return why != NULL;
}

START_TEST(every_attack_succeeds_where_nothing_is_sealed)
{
	static const struct attack_settings settings = ATTACK_SETTINGS;
	const struct attack *attack = attack_at((size_t)_i);
	struct result result;
	char text[64];

	attack_try_control(&result, attack, &settings);
	attack_result_format(text, sizeof(text), &result);
	if (!succeeded(&result) && !is_excused(attack, &result))
		ck_abort_msg("%s: %s %s", attack->name, text, result.reason);
}
END_TEST

START_TEST(an_attack_does_what_it_is_after)
{
	static const struct attack_settings settings = ATTACK_SETTINGS;
	static const unsigned fitting[] = {
		[TARGET_CONTENT] = 1u << OUTCOME_CHANGED | 1u << OUTCOME_DESTROYED,
		[TARGET_ADDRESS] = 1u << OUTCOME_DESTROYED | 1u << OUTCOME_HIDDEN,
		[TARGET_SECRECY] = 1u << OUTCOME_LEAKED,
		[TARGET_AVAILABILITY] = 1u << OUTCOME_HIDDEN | 1u << OUTCOME_DESTROYED,
		[TARGET_ACCESS] = 1u << OUTCOME_LEAKED,
		[TARGET_HEAP] = 1u << OUTCOME_CHANGED | 1u << OUTCOME_LEAKED,
	};
	const struct attack *attack = attack_at((size_t)_i);
	struct result result;

	attack_try_control(&result, attack, &settings);
	if (succeeded(&result) && !(fitting[attack->target] & 1u << result.outcome))
		ck_abort_msg("%s: %s", attack->name, attack_outcome_name(result.outcome));
}
END_TEST

START_TEST(every_attack_has_a_name_of_its_own)
{
	const struct attack *attack;

	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++)
		ck_assert_ptr_eq(attack_find(attack->name), attack);
	ck_assert_ptr_null(attack_find("nonsense"));
}
END_TEST

START_TEST(every_row_is_complete)
{
	const struct attack *attack;

	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++) {
		ck_assert_ptr_nonnull(attack->summary);
		ck_assert_ptr_nonnull(attack->syscalls);
		ck_assert_ptr_nonnull(attack->run);
		ck_assert_msg((attack->gaps != 0) == (attack->gap_reason != NULL), "%s",
			      attack->name);
		ck_assert_msg((attack->vantage == VANTAGE_BEFORE) <= (attack->before != NULL), "%s",
			      attack->name);
	}
}
END_TEST

/* The C library of these tests knows the names. That of musl does not. */
START_TEST(an_error_has_the_name_that_the_C_library_gives_it)
{
	for (int error = 1; error < 200; error++) {
		const char *name = strerrorname_np(error);

		ck_assert_str_eq(attack_error_name(-error), name != NULL ? name : "?");
	}
	ck_assert_str_eq(attack_error_name(0), "");
	ck_assert_str_eq(attack_error_name(1), "?");
}
END_TEST

START_TEST(there_are_at_least_forty_attacks)
{
	ck_assert_ptr_nonnull(attack_at(39));
}
END_TEST

static int count_attacks(void)
{
	int count = 0;

	while (attack_at((size_t)count) != NULL)
		count++;
	return count;
}

int main(void)
{
	TCase *tcase = tcase_create("attacks");
	Suite *suite = suite_create("attacks");
	SRunner *runner = srunner_create(suite);
	int failed, run;

	tcase_add_loop_test(tcase, every_attack_succeeds_where_nothing_is_sealed, 0,
			    count_attacks());
	tcase_add_loop_test(tcase, an_attack_does_what_it_is_after, 0, count_attacks());
	tcase_add_test(tcase, every_attack_has_a_name_of_its_own);
	tcase_add_test(tcase, every_row_is_complete);
	tcase_add_test(tcase, an_error_has_the_name_that_the_C_library_gives_it);
	tcase_add_test(tcase, there_are_at_least_forty_attacks);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	run = srunner_ntests_run(runner);
	printf("%d passed, %d failed\n", run - failed, failed);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

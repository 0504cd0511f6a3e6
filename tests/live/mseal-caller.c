/* SPDX-License-Identifier: MIT */

/*
 * A program that was written for a C library with mseal() in it and knows nothing of sealmem. It meets
 * every answer the function has, and says on standard output which one was not as the manual has it. How
 * mseal() comes into it, linked or preloaded, is not its business.
 */

#include "tests/live/expectations.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern int mseal(void *addr, size_t size, unsigned long flags);

static size_t page;

static char *pages(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	return mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static char *pages_with_a_hole(void)
{
	char *at = pages();

	(void)munmap(at + page, page);
	return at;
}

static bool is_refused(int answer, int error)
{
	int found = errno;

	errno = 0;
	return answer == -1 && found == error;
}

static bool flags_are_einval(void)
{
	return is_refused(mseal(pages(), page, 1), EINVAL);
}

static bool an_address_inside_a_page_is_einval(void)
{
	return is_refused(mseal(pages() + 1, page, 0), EINVAL);
}

static bool a_size_that_wraps_around_is_einval(void)
{
	return is_refused(mseal(pages(), SIZE_MAX - page + 1, 0), EINVAL);
}

static bool a_hole_is_enomem_and_seals_nothing(void)
{
	char *at = pages_with_a_hole();

	return is_refused(mseal(at, 3 * page, 0), ENOMEM) && munmap(at, page) == 0;
}

static bool length_zero_is_fine_and_seals_nothing(void)
{
	char *at = pages();

	return mseal(at, 0, 0) == 0 && munmap(at, page) == 0;
}

static bool success_leaves_errno_alone(void)
{
	errno = EDOM;
	return mseal(pages(), page, 0) == 0 && errno == EDOM;
}

static bool what_is_sealed_stays(void)
{
	char *at = pages();

	memset(at, 's', page);
	return mseal(at, page, 0) == 0 && is_refused(munmap(at, page), EPERM) &&
	       is_refused(mprotect(at, page, PROT_READ), EPERM) && *at == 's' &&
	       munmap(at + page, page) == 0;
}

static bool sealing_again_is_fine(void)
{
	char *at = pages();

	return mseal(at, page, 0) == 0 && mseal(at, 2 * page, 0) == 0 &&
	       is_refused(munmap(at + page, page), EPERM);
}

static bool a_child_inherits_the_seal(void)
{
	char *at = pages();
	int status = -1;

	if (mseal(at, page, 0) != 0)
		return false;
	if (fork() == 0)
		_exit(is_refused(munmap(at, page), EPERM) ? 0 : 1);
	return wait(&status) > 0 && status == 0;
}

static const struct expectation expectations[] = {
	{ "flags are EINVAL", flags_are_einval },
	{ "an address inside a page is EINVAL", an_address_inside_a_page_is_einval },
	{ "a size that wraps around is EINVAL", a_size_that_wraps_around_is_einval },
	{ "a hole is ENOMEM and seals nothing", a_hole_is_enomem_and_seals_nothing },
	{ "length 0 is fine and seals nothing", length_zero_is_fine_and_seals_nothing },
	{ "success leaves errno alone", success_leaves_errno_alone },
	{ "what is sealed stays", what_is_sealed_stays },
	{ "sealing again is fine", sealing_again_is_fine },
	{ "a child inherits the seal", a_child_inherits_the_seal },
};

int main(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	/* As on a kernel and a C library without it. */
	if (mseal(pages(), page, 0) == -1 && errno == ENOSYS) {
		(void)puts("no mseal here");
		return 3;
	}
	return MEET(expectations);
}

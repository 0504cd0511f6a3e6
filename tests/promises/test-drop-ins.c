/* SPDX-License-Identifier: MIT */

/*
 * The objects that stand in for the secret memory of libsodium, OpenSSL and libgcrypt, called as those libraries' programs
 * call them: by threads, in children, in signal handlers that return and that jump away, and where a limit or a sandbox
 * leaves nothing. They answer as a library without memory does. They do not crash, wait or lose anything.
 */

#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include "lib/guard.h"
#include "preload/drop-in.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

void *sodium_malloc(size_t size);
void sodium_free(void *object);
int sodium_mprotect_noaccess(void *object);
int sodium_mprotect_readwrite(void *object);
int CRYPTO_secure_malloc_init(size_t size, size_t least);
int CRYPTO_secure_malloc_initialized(void);
void *CRYPTO_secure_malloc(size_t size, const char *file, int line);
void CRYPTO_secure_free(void *object, const char *file, int line);
int CRYPTO_secure_allocated(const void *object);

/* libgcrypt as far as the object goes: it asks the loader for this function, and hands over its own. */
static void *(*gcrypt_secret)(size_t size);
static int (*gcrypt_is_secret)(const void *object);
static void (*gcrypt_free)(void *object);

static void set_handlers(void *(*ordinary)(size_t size), void *(*secret)(size_t size),
			 int (*is_secret)(const void *object),
			 void *(*resize)(void *object, size_t size), void (*release)(void *object))
{
	(void)ordinary;
	(void)resize;
	gcrypt_secret = secret;
	gcrypt_is_secret = is_secret;
	gcrypt_free = release;
}

/* The name by which the objects call dlsym(3) here; see meson.build. */
#undef dlsym
void *dlsym(void *handle, const char *name);
void *dlsym_of_test(void *handle, const char *name);

void *dlsym_of_test(void *handle, const char *name)
{
	if (strcmp(name, "gcry_set_allocation_handler") == 0)
		return (void *)set_handlers;
	return dlsym(handle, name);
}

/* Without its heap, OpenSSL gives ordinary memory. */
static void *make_of_openssl(size_t size)
{
	if (!CRYPTO_secure_malloc_initialized())
		(void)CRYPTO_secure_malloc_init(1 << 20, 32);
	return CRYPTO_secure_malloc_initialized() ? CRYPTO_secure_malloc(size, "", 0) : NULL;
}

static void free_of_openssl(void *object)
{
	CRYPTO_secure_free(object, "", 0);
}

static void *make_of_gcrypt(size_t size)
{
	return gcrypt_secret(size);
}

static int is_of_gcrypt(const void *object)
{
	return gcrypt_is_secret(object);
}

static void free_of_gcrypt(void *object)
{
	gcrypt_free(object);
}

/* Whatever has no such question is asked another one, which must not wait either. */
static int protect_twice(const void *object)
{
	void *it = (void *)(uintptr_t)object;

	return sodium_mprotect_noaccess(it) == 0 && sodium_mprotect_readwrite(it) == 0;
}

static const struct family {
	const char *name;
	void *(*make)(size_t size);
	void (*release)(void *object);
	int (*is_ours)(const void *object);
} families[] = {
	{ "sodium", sodium_malloc, sodium_free, protect_twice },
	{ "openssl", make_of_openssl, free_of_openssl, CRYPTO_secure_allocated },
	{ "gcrypt", make_of_gcrypt, free_of_gcrypt, is_of_gcrypt },
};

enum { FAMILIES = sizeof(families) / sizeof(*families) };

/* Of each kind: with others in a page, and with pages of its own. */
static const size_t sizes[] = { 40, 9000 };

enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

static void demand(const char *words)
{
	ck_assert_int_eq(setenv(DROP_IN_VARIABLE, words, 1), 0);
}

static void require_secrecy(void)
{
	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("this kernel has no memfd_secret");
	demand("secrecy");
}

static void *object_of(const struct family *family, size_t size)
{
	void *object = family->make(size);

	ck_assert_ptr_nonnull(object);
	fill(object, size);
	return object;
}

/* Threads */

enum { THREADS = 4 };

static bool is_all(const unsigned char *at, size_t size, unsigned char byte)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != byte)
			return false;
	return true;
}

static void *make_and_free(void *argument)
{
	const struct family *family = argument;
	unsigned state = (unsigned)(uintptr_t)&state;

	for (unsigned i = 0; i < scaled(2000); i++) {
		size_t size;
		unsigned char *object;

		state = state * 1664525 + 1013904223;
		size = (state >> 8) % (i % 50 == 0 ? 9000 : 300) + 1;
		object = family->make(size);
		if (object == NULL)
			return "no memory";
		memset(object, (int)(state >> 24), size);
		if (!family->is_ours(object))
			return "not of the heap";
		if (!is_all(object, size, (unsigned char)(state >> 24)))
			return "bytes of another object";
		family->release(object);
	}
	return NULL;
}

/* The first calls meet where the heap is made. */
START_TEST(threads_do_not_meet)
{
	pthread_t threads[THREADS];
	void *wrong;

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, make_and_free,
						(void *)(uintptr_t)&families[_i]),
				 0);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_msg(wrong == NULL, "%s: %s", families[_i].name, (const char *)wrong);
	}
}
END_TEST

/* Objects change hands: what one thread has made another one frees. */
static _Atomic(void *) shared[64];

static void *exchange(void *argument)
{
	const struct family *family = argument;
	unsigned state = (unsigned)(uintptr_t)&state;

	for (unsigned i = 0; i < scaled(2000); i++) {
		void *object = family->make(state % 5000);

		if (object == NULL)
			return "no memory";
		state = state * 1664525 + 1013904223;
		object = atomic_exchange(&shared[(state >> 16) % 64], object);
		if (object != NULL)
			family->release(object);
	}
	return NULL;
}

START_TEST(threads_free_what_others_have_made)
{
	pthread_t threads[THREADS];
	void *wrong;

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange,
						(void *)(uintptr_t)&families[_i]),
				 0);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_msg(wrong == NULL, "%s", (const char *)wrong);
	}
	for (size_t i = 0; i < 64; i++)
		if (atomic_load(&shared[i]) != NULL)
			families[_i].release(atomic_load(&shared[i]));
}
END_TEST

/* Children */

struct subject {
	const struct family *family;
	char *objects[SIZES];
};

static struct subject subject_of(const struct family *family)
{
	struct subject subject = { family, { NULL } };

	for (size_t i = 0; i < SIZES; i++)
		subject.objects[i] = object_of(family, sizes[i]);
	return subject;
}

static void assert_intact(const struct subject *subject)
{
	for (size_t i = 0; i < SIZES; i++)
		assert_filled(subject->objects[i], sizes[i]);
}

static int use_copy(void *argument)
{
	const struct subject *subject = argument;
	char *own;

	for (size_t i = 0; i < SIZES; i++) {
		if (!is_filled(subject->objects[i], sizes[i]))
			return 1;
		own = subject->family->make(sizes[i]);
		if (own == NULL)
			return 2;
		memset(own, 'c', sizes[i]);
		subject->family->release(own);
		subject->family->release(subject->objects[i]);
	}
	return 0;
}

START_TEST(a_child_has_a_copy_that_works)
{
	struct subject subject = subject_of(&families[_i]);

	assert_child_succeeds(use_copy, &subject);
	assert_intact(&subject);
}
END_TEST

static int use_what_is_not_there(void *argument)
{
	const struct subject *subject = argument;

	for (size_t i = 0; i < SIZES; i++) {
		if (is_mapped(subject->objects[i]))
			return 1;
		(void)subject->family->is_ours(subject->objects[i]);
		if (subject->family->make(sizes[i]) != NULL)
			return 2;
	}
	/* A small one is known by its address. */
	subject->family->release(subject->objects[0]);
	return 0;
}

START_TEST(a_child_that_did_not_inherit_the_heap_gets_errors)
{
	struct subject subject;

	require_secrecy();
	subject = subject_of(&families[_i]);
	assert_child_succeeds(use_what_is_not_there, &subject);
	assert_intact(&subject);
	ck_assert_ptr_nonnull(families[_i].make(1));
}
END_TEST

static int free_without_a_right_to_lock(void *argument)
{
	const struct subject *subject = argument;
	const struct rlimit nothing = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &nothing) < 0 || (geteuid() == 0 && setuid(65534) < 0))
		return 1;
	if (subject->family->make(40) != NULL)
		return 2;
	for (size_t i = 0; i < SIZES; i++)
		subject->family->release(subject->objects[i]);
	return subject->family->make(9000) == NULL ? 0 : 3;
}

/* A usual child of a daemon: it gives up its privileges. */
START_TEST(a_child_that_may_lock_nothing_frees_what_it_inherited)
{
	struct subject subject = subject_of(&families[_i]);

	assert_child_succeeds(free_without_a_right_to_lock, &subject);
	assert_intact(&subject);
}
END_TEST

/* Signals */

static sigjmp_buf out;
static volatile sig_atomic_t may_jump;
static const struct family *of_handler;
static _Atomic unsigned handled, failed;

static void jump_out(int signal)
{
	(void)signal;
	if (may_jump)
		siglongjmp(out, 1);
}

static void use_in_handler(int signal)
{
	int saved = errno;
	unsigned char *object = of_handler->make(20 + handled % 100);

	(void)signal;
	atomic_fetch_add(object != NULL ? &handled : &failed, 1);
	if (object != NULL)
		of_handler->release(object);
	errno = saved;
}

static void start_timer(void (*handler)(int signal))
{
	const struct sigaction action = { .sa_handler = handler };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };

	alarm(0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void stop_timer(void)
{
	const struct itimerval never = { 0 };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}

/* To make the heap, the object for OpenSSL asks the loader, which is nothing for a handler. */
START_TEST(a_handler_may_use_what_it_interrupts)
{
	of_handler = &families[_i];
	of_handler->release(object_of(of_handler, 40));
	start_timer(use_in_handler);
	while (atomic_load(&handled) < scaled(500))
		for (size_t i = 0; i < 100; i++)
			of_handler->release(object_of(of_handler, i % 10 == 0 ? 5000 : 30 + i));
	stop_timer();
	ck_assert_uint_eq(atomic_load(&failed), 0);
}
END_TEST

START_TEST(jumps_leave_it_whole)
{
	static volatile unsigned rounds;
	static const struct family *family;

	family = &families[_i];
	family->release(object_of(family, 40));
	start_timer(jump_out);
	while (rounds < scaled(500)) {
		if (sigsetjmp(out, 1) == 0) {
			may_jump = 1;
			for (size_t i = 0;; i++)
				family->release(family->make(i % 20 == 0 ? 5000 : i % 300));
		}
		may_jump = 0;
		rounds++;
	}
	stop_timer();
	for (size_t size = 1; size < 6000; size += 37)
		family->release(object_of(family, size));
}
END_TEST

static void *kept[SIZES];

static void use_at_the_end(int signal)
{
	(void)signal;
	for (size_t i = 0; i < SIZES; i++) {
		(void)of_handler->is_ours(kept[i]);
		of_handler->release(kept[i]);
		(void)of_handler->make(sizes[i]);
	}
}

static int free_twice(void *argument)
{
	void *object = of_handler->make(sizes[0]);

	(void)argument;
	/* The line is no news. */
	(void)close(STDERR_FILENO);
	(void)signal(SIGABRT, use_at_the_end);
	of_handler->release(object);
	of_handler->release(object);
	return 0;
}

/* A small one, because what is large and not in the heap goes from OpenSSL and libgcrypt to free(3). */
START_TEST(a_handler_of_SIGABRT_that_uses_it_does_not_hold_the_end_up)
{
	int status;

	of_handler = &families[_i];
	for (size_t i = 0; i < SIZES; i++)
		kept[i] = object_of(of_handler, sizes[i]);
	status = run_child(free_twice, NULL);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%d", status);
}
END_TEST

/* Limits */

START_TEST(what_RLIMIT_MEMLOCK_refuses_is_no_memory)
{
	struct limit before;

	become_plain_user();
	before = set_limit(RLIMIT_MEMLOCK, 0);
	for (size_t i = 0; i < 2 * SIZES; i++)
		ck_assert_ptr_null(families[_i].make(sizes[i % SIZES]));
	lift_limit(&before);
	for (size_t i = 0; i < SIZES; i++)
		families[_i].release(object_of(&families[_i], sizes[i]));
}
END_TEST

START_TEST(a_limit_that_is_reached_takes_nothing_away)
{
	enum { MOST = 4000 };
	static char *objects[MOST];
	size_t made = 0;

	become_plain_user();
	ck_assert_int_eq(
		setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 40 * page_size(), 40 * page_size() }),
		0);
	while (made < MOST && (objects[made] = families[_i].make(1000)) != NULL)
		memset(objects[made++], 's', 1000);
	ck_assert_uint_gt(made, 4);
	ck_assert_uint_lt(made, MOST);
	for (size_t i = 0; i < made; i++)
		ck_assert(is_all((unsigned char *)objects[i], 1000, 's'));
	for (size_t i = 0; i < made; i++)
		families[_i].release(objects[i]);
	for (size_t i = 0; i < made; i++)
		ck_assert_ptr_nonnull(families[_i].make(1000));
}
END_TEST

START_TEST(without_a_descriptor_there_is_no_secret_memory)
{
	struct census before;

	require_secrecy();
	before = take_census();
	{
		SCOPED_SHORTAGE shortage = leave_descriptors(0);

		ck_assert_uint_gt(shortage.count, 0);
		for (size_t i = 0; i < 50; i++)
			ck_assert_ptr_null(families[_i].make(sizes[i % SIZES]));
	}
	assert_same_census(before);
	for (size_t i = 0; i < SIZES; i++)
		families[_i].release(object_of(&families[_i], sizes[i]));
}
END_TEST

START_TEST(what_a_sandbox_forbids_is_no_secret_memory)
{
	struct census before;

	demand("secrecy");
	forbid(__NR_memfd_secret, _i % 2 == 0 ? EPERM : ENOSYS);
	before = take_census();
	for (size_t i = 0; i < 50; i++)
		ck_assert_ptr_null(families[_i / 2].make(sizes[i % SIZES]));
	assert_same_census(before);
	/* Nothing less is given by itself, but what is demanded less is. */
	demand("");
	for (size_t i = 0; i < SIZES; i++)
		families[_i / 2].release(object_of(&families[_i / 2], sizes[i]));
}
END_TEST

/* Guard pages */

static void forbid_marks(void)
{
	const struct condition install = { 2, UINT32_MAX, MADV_GUARD_INSTALL };

	forbid_where(SYS_madvise, EINVAL, &install, 1);
	ck_assert_int_eq(guard_probe(), -EINVAL);
}

static void assert_guarded(char *object, size_t size)
{
	char *page = (char *)((uintptr_t)object & ~(page_size() - 1));

	ck_assert_int_eq(sealmem_try_write(object + size, "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(page - 1, "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(object, object, 1), 0);
}

START_TEST(where_the_kernel_marks_no_guards_they_are_mappings)
{
	char *objects[20];

	forbid_marks();
	for (size_t i = 0; i < 20; i++) {
		objects[i] = object_of(&families[0], sizes[i % SIZES]);
		assert_guarded(objects[i], sizes[i % SIZES]);
	}
	for (size_t i = 0; i < 20; i++) {
		assert_guarded(objects[i], sizes[i % SIZES]);
		assert_filled(objects[i], sizes[i % SIZES]);
		sodium_free(objects[i]);
		ck_assert_int_eq(sealmem_try_write(objects[i], "x", 1), -EFAULT);
	}
}
END_TEST

/* A sandbox comes after the first objects: they keep their marks, and those that follow have mappings. */
START_TEST(marks_may_be_forbidden_later)
{
	enum { MANY = 50 };
	char *objects[MANY];

	for (size_t i = 0; i < MANY; i++) {
		if (i == 20)
			forbid_marks();
		objects[i] = object_of(&families[0], sizes[0]);
	}
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < MANY; i++) {
			assert_guarded(objects[i], sizes[0]);
			assert_filled(objects[i], sizes[0]);
			sodium_free(objects[i]);
			ck_assert_int_eq(sealmem_try_write(objects[i], "x", 1), -EFAULT);
			objects[i] = object_of(&families[0], sizes[0]);
		}
}
END_TEST

static int find_guards_of_parent(void *argument)
{
	const struct subject *subject = argument;

	for (size_t i = 0; i < SIZES; i++)
		if (sealmem_try_write(subject->objects[i] + sizes[i], "x", 1) != -EFAULT)
			return 1;
	return 0;
}

START_TEST(a_child_has_the_guards_too)
{
	struct subject subject;

	if (_i == 1)
		forbid_marks();
	subject = subject_of(&families[0]);
	assert_child_succeeds(find_guards_of_parent, &subject);
}
END_TEST

static size_t most_mappings(void)
{
	size_t most = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%zu", &most), 1);
	(void)fclose(file);
	return most;
}

/* Makes objects until there are no more mappings. All are whole then, and all can be freed. */
static size_t make_until_the_end(size_t most, size_t size)
{
	size_t **objects = calloc(most, sizeof(*objects)), made = 0;

	ck_assert_ptr_nonnull(objects);
	while (made < most && (objects[made] = sodium_malloc(size)) != NULL) {
		*objects[made] = made;
		made++;
	}
	ck_assert_int_eq(errno, ENOMEM);
	for (size_t i = 0; i < made; i++)
		ck_assert_uint_eq(*objects[i], i);
	for (size_t i = 0; i < made; i++)
		sodium_free(objects[i]);
	free(objects);
	return made;
}

/* sealmem_heap(3) has the count. */
START_TEST(where_guards_are_mappings_the_kernel_allows_half_as_many_objects)
{
	size_t most = most_mappings(), made;

	require_root();
	require_own_address_space();
	if (most > 100000 || test_scale() < 20)
		skip_test("it takes too long for this machine, or for this scale");
	forbid_marks();
	made = make_until_the_end(most, sizes[_i]);
	(void)printf("%zu objects of %zu bytes with %zu mappings\n", made, sizes[_i], most);
	ck_assert_uint_ge(made, most / 2 - 200);
	ck_assert_uint_le(made, most / 2);
	ck_assert_uint_ge(make_until_the_end(most, sizes[_i]), made - 10);
}
END_TEST

enum { LOCKED_AT_MOST = 8 << 20 };

/* Kernels before 5.16 allow 64 KiB at first, which is less than these tests lock. Who may raise the limit does. */
static bool may_lock_enough(void)
{
	const struct rlimit enough = { LOCKED_AT_MOST, LOCKED_AT_MOST };
	struct rlimit limit;

	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	       (limit.rlim_cur >= LOCKED_AT_MOST || setrlimit(RLIMIT_MEMLOCK, &enough) == 0);
}

int main(void)
{
	TCase *tcase = tcase_create("drop-ins");

	if (!may_lock_enough()) {
		(void)printf("SKIP RLIMIT_MEMLOCK is below 8 MiB\n");
		return 77;
	}

	tcase_add_loop_test(tcase, threads_do_not_meet, 0, FAMILIES);
	tcase_add_loop_test(tcase, threads_free_what_others_have_made, 0, FAMILIES);
	tcase_add_loop_test(tcase, a_child_has_a_copy_that_works, 0, FAMILIES);
	tcase_add_loop_test(tcase, a_child_that_did_not_inherit_the_heap_gets_errors, 0, FAMILIES);
	tcase_add_loop_test(tcase, a_child_that_may_lock_nothing_frees_what_it_inherited, 0,
			    FAMILIES);
	tcase_add_loop_test(tcase, a_handler_may_use_what_it_interrupts, 0, FAMILIES);
	tcase_add_loop_test(tcase, jumps_leave_it_whole, 0, FAMILIES);
	tcase_add_loop_test(tcase, a_handler_of_SIGABRT_that_uses_it_does_not_hold_the_end_up, 0,
			    FAMILIES);
	tcase_add_loop_test(tcase, what_RLIMIT_MEMLOCK_refuses_is_no_memory, 0, FAMILIES);
	tcase_add_loop_test(tcase, a_limit_that_is_reached_takes_nothing_away, 0, FAMILIES);
	tcase_add_loop_test(tcase, without_a_descriptor_there_is_no_secret_memory, 0, FAMILIES);
	tcase_add_loop_test(tcase, what_a_sandbox_forbids_is_no_secret_memory, 0, 2 * FAMILIES);
	tcase_add_test(tcase, where_the_kernel_marks_no_guards_they_are_mappings);
	tcase_add_test(tcase, marks_may_be_forbidden_later);
	tcase_add_loop_test(tcase, a_child_has_the_guards_too, 0, 2);
	tcase_add_loop_test(tcase, where_guards_are_mappings_the_kernel_allows_half_as_many_objects,
			    0, SIZES);
	tcase_set_timeout(tcase, 120);
	return run_case("drop-ins", tcase);
}

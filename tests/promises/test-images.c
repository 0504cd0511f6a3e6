/* SPDX-License-Identifier: MIT */

/*
 * The image is sealed while other threads load and unload objects, and while others seal. Nobody dies of it, nobody
 * waits for ever, and no object is sealed that can still be unloaded.
 */

#include "tests/support/scale.h"
#include "tests/support/support.h"
#include "tests/unit/image-object.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often all that is done for which a process can be used again, and for which it cannot. */
enum { ROUNDS = 2000, PROCESSES = 400 };

/* ThreadSanitizer knows nothing of the locks of the loader, and takes its allocations for races. */
extern const char *__tsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
	return "race:ld-linux\n";
}

/* A new one for each call, so that two threads have two. */
struct path {
	char text[1024];
};

/* The objects of the tests of lib/image.c. */
static struct path path_of(const char *file)
{
	struct path path;
	ssize_t length = readlink("/proc/self/exe", path.text, sizeof(path.text) - 1);

	ck_assert_int_gt(length, 0);
	path.text[length] = '\0';
	(void)snprintf(strrchr(path.text, '/'), 128, "/../unit/libimage-%s.so", file);
	return path;
}

static void *load(const struct path *path)
{
	return dlopen(path->text, RTLD_NOW);
}

static const struct image_object *object_in(void *handle)
{
	const struct image_object *(*function)(void);

	*(void **)&function = dlsym(handle, "image_object");
	return *(void **)&function != NULL ? function() : NULL;
}

static bool works(const struct image_object *object)
{
	return object != NULL && object->rows[0].function() == 42;
}

/* A thread that does something over and over until it fails or is stopped. */
struct worker {
	int (*act)(const char *object);
	const char *object;
	atomic_bool *stop;
	atomic_uint rounds;
	int err;
	pthread_t thread;
};

static void *work(void *argument)
{
	struct worker *worker = argument;

	while (worker->err == 0 && !atomic_load(worker->stop)) {
		worker->err = worker->act(worker->object);
		atomic_fetch_add(&worker->rounds, 1);
	}
	return NULL;
}

static int load_and_unload(const char *object)
{
	struct path path = path_of(object);
	void *handle = load(&path);

	if (handle == NULL || !works(object_in(handle)))
		return -ENOENT;
	return dlclose(handle) == 0 ? 0 : -EINVAL;
}

static int seal_all(const char *object)
{
	(void)object;
	return sealmem_seal_image(0, NULL);
}

static atomic_bool stop;

static struct worker workers[] = {
	{ .act = load_and_unload, .object = "loaded", .stop = &stop },
	{ .act = load_and_unload, .object = "lazy", .stop = &stop },
	{ .act = load_and_unload, .object = "needing", .stop = &stop },
};

#define WORKERS (sizeof(workers) / sizeof(*workers))

static void start_workers(void)
{
	for (size_t i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
}

static void stop_workers(void)
{
	for (size_t i = 0; i < WORKERS; i++)
		while (atomic_load(&workers[i].rounds) < 10 && workers[i].err == 0)
			sched_yield();
	atomic_store(&stop, true);
	for (size_t i = 0; i < WORKERS; i++) {
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
		ck_assert_int_eq(workers[i].err, 0);
	}
}

/* By the kernel's own word. */
static unsigned count_sealed(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[1024];
	unsigned count = 0;

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL)
		count += strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " sl") != NULL;
	(void)fclose(smaps);
	return count;
}

START_TEST(the_image_is_sealed_while_threads_load_and_unload)
{
	struct sealmem_image_report first, report;
	unsigned sealed;

	require_mseal();
	ck_assert_int_eq(sealmem_seal_image(0, &first), 0);
	sealed = count_sealed();
	start_workers();
	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		ck_assert_int_eq(sealmem_seal_image(0, &report), 0);
		ck_assert_uint_eq(report.objects, first.objects);
		ck_assert_uint_eq(report.relro.size, first.relro.size);
	}
	stop_workers();
	/* Nothing of theirs was sealed, wherever it was. */
	ck_assert_uint_eq(count_sealed(), sealed);
}
END_TEST

static void copy_file(const char *to, const char *from)
{
	char command[2200];

	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

/* A copy of the object is another object. It is never unloaded again, so its name is free at once. */
static void *load_copy(const char *directory)
{
	struct path original = path_of("loaded"), copy;
	void *handle;

	(void)snprintf(copy.text, sizeof(copy.text), "%s/copy.so", directory);
	copy_file(copy.text, original.text);
	(void)snprintf(original.text, sizeof(original.text), "%s/%u.so", directory,
		       (unsigned)random());
	ck_assert_int_eq(rename(copy.text, original.text), 0);
	handle = load(&original);
	ck_assert_int_eq(unlink(original.text), 0);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

START_TEST(loaded_objects_are_sealed_while_threads_load_and_unload)
{
	char directory[] = "/tmp/sealmem-images-XXXXXX";
	struct sealmem_image_report report;

	require_mseal();
	ck_assert_ptr_nonnull(mkdtemp(directory));
	start_workers();
	for (unsigned round = 0; round < scaled(PROCESSES); round++) {
		void *handle = load_copy(directory);
		const struct image_object *object = object_in(handle);

		ck_assert_int_eq(sealmem_seal_loaded(handle, 0, &report), 0);
		ck_assert_uint_eq(report.objects, 1);
		ck_assert_int_eq(dlclose(handle), 0);
		ck_assert(works(object));
		ck_assert(has_flag(object->rows, "sl"));
	}
	stop_workers();
	ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

/* Two threads that begin at the same time. */
static pthread_barrier_t barrier;

static void *seal_at_once(void *handle)
{
	(void)pthread_barrier_wait(&barrier);
	return (void *)(intptr_t)(handle != NULL ? sealmem_seal_loaded(handle, 0, NULL)
						 : sealmem_seal_image(0, NULL));
}

/* What each of the two seals: an object, or the image. */
static int seal_both(void *first, void *second)
{
	pthread_t thread;
	void *theirs;
	int ours;

	if (pthread_barrier_init(&barrier, NULL, 2) != 0 ||
	    pthread_create(&thread, NULL, seal_at_once, second) != 0)
		return 99;
	ours = (int)(intptr_t)seal_at_once(first);
	(void)pthread_join(thread, &theirs);
	return ours != 0 ? -ours : -(int)(intptr_t)theirs;
}

static int seal_the_image_twice(void *unused)
{
	(void)unused;
	return seal_both(NULL, NULL);
}

static int seal_an_object_twice(void *unused)
{
	struct path path = path_of("needing");
	void *handle = load(&path);

	(void)unused;
	return handle != NULL ? seal_both(handle, handle) : 98;
}

static int seal_an_object_and_the_image(void *unused)
{
	struct path path = path_of("needing");
	void *handle = load(&path);

	(void)unused;
	return handle != NULL ? seal_both(handle, NULL) : 98;
}

/* What is sealed stays sealed, so each round has a process. */
#define AT_ONCE(test, act)                                                                         \
 START_TEST(test)                                                                                  \
 {                                                                                                 \
  require_mseal();                                                                                 \
  for (unsigned round = 0; round < scaled(PROCESSES); round++)                                     \
   assert_child_succeeds(act, NULL);                                                               \
 }                                                                                                 \
 END_TEST

AT_ONCE(two_threads_seal_the_image_at_once, seal_the_image_twice)
AT_ONCE(two_threads_seal_one_object_at_once, seal_an_object_twice)
AT_ONCE(two_threads_seal_an_object_and_the_image_at_once, seal_an_object_and_the_image)

/* The constructor of libimage-calling.so calls it, while the loader loads. */
extern void image_constructor(void);

static void (*in_constructor)(void);

void image_constructor(void)
{
	if (in_constructor != NULL)
		in_constructor();
}

static int err_in_constructor = 1;

static void load_and_seal(void)
{
	struct path path = path_of("needing");
	void *handle = load(&path);

	err_in_constructor = handle != NULL ? sealmem_seal_loaded(handle, 0, NULL) : -ENOENT;
	if (err_in_constructor == 0)
		err_in_constructor = sealmem_seal_image(0, NULL);
}

/* Others seal, load and unload meanwhile, so that each lock is wanted. */
static int seal_in_a_constructor(void *unused)
{
	struct worker sealing = { .act = seal_all, .stop = &stop },
		      loading = { .act = load_and_unload, .object = "loaded", .stop = &stop };
	struct path path = path_of("calling");
	void *handle;

	(void)unused;
	in_constructor = load_and_seal;
	if (pthread_create(&sealing.thread, NULL, work, &sealing) != 0 ||
	    pthread_create(&loading.thread, NULL, work, &loading) != 0)
		return 99;
	handle = load(&path);
	atomic_store(&stop, true);
	(void)pthread_join(sealing.thread, NULL);
	(void)pthread_join(loading.thread, NULL);
	return handle == NULL ? 98 : -(err_in_constructor + sealing.err + loading.err);
}

AT_ONCE(a_constructor_that_loads_seals_while_other_threads_seal, seal_in_a_constructor)

/* A child that is forked meanwhile finds no lock of the loader taken. */
static int seal_in_a_child(void *unused)
{
	(void)unused;
	(void)alarm(20);
	return -sealmem_seal_image(0, NULL);
}

START_TEST(a_child_that_is_forked_meanwhile_can_load_and_seal)
{
	struct worker sealing = { .act = seal_all, .stop = &stop };

	require_mseal();
	if (sanitized())
		skip_test("a sanitizer takes the lock of the loader itself");
	ck_assert_int_eq(pthread_create(&sealing.thread, NULL, work, &sealing), 0);
	for (unsigned round = 0; round < scaled(PROCESSES); round++)
		assert_child_succeeds(seal_in_a_child, NULL);
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(sealing.thread, NULL), 0);
	ck_assert_int_eq(sealing.err, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_image_is_sealed_while_threads_load_and_unload,
		loaded_objects_are_sealed_while_threads_load_and_unload,
		two_threads_seal_the_image_at_once,
		two_threads_seal_one_object_at_once,
		two_threads_seal_an_object_and_the_image_at_once,
		a_constructor_that_loads_seals_while_other_threads_seal,
		a_child_that_is_forked_meanwhile_can_load_and_seal,
	};

	return RUN_TESTS_FOR(120, "images", tests);
}

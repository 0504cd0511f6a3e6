/* SPDX-License-Identifier: MIT */

/*
 * A program that uses the secret memory of libsodium and knows nothing of sealmem. Without arguments it meets everything
 * that libsodium promises, and says on standard output which was not so. With arguments it makes objects and says
 * what became of them. Whether it has libsodium's own functions or those that are preloaded is not its business.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define GARBAGE 0xdb
#define THREADS 4

/* Around each size at which something changes. */
static size_t sizes[12];

static void choose_sizes(void)
{
	const size_t p = (size_t)sysconf(_SC_PAGESIZE);
	const size_t chosen[] = { 1,	  15,	  16,	 32, 2040,	p - 17,
				  p - 16, p - 15, p - 1, p,  3 * p + 5, 256 * p };

	memcpy(sizes, chosen, sizeof(sizes));
}

typedef void act(unsigned char *object, size_t size);

/* What becomes of a child that does it: 0, or the signal that ends it. Neither it nor what it is told leaves a trace. */
static int fate_of(act *done, unsigned char *object, size_t size)
{
	const struct rlimit none = { 0, 0 };
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		if (getenv("SODIUM_USER_TALKS") == NULL)
			(void)close(STDERR_FILENO);
		done(object, size);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void load(unsigned char *object, size_t size)
{
	(void)size;
	(void)*(volatile unsigned char *)object;
}

static void store(unsigned char *object, size_t size)
{
	(void)size;
	*(volatile unsigned char *)object = 1;
}

static void load_after(unsigned char *object, size_t size)
{
	load(object + size, 0);
}

static void store_after(unsigned char *object, size_t size)
{
	store(object + size, 0);
}

static void store_before_and_free(unsigned char *object, size_t size)
{
	(void)size;
	*(volatile unsigned char *)(object - 1) ^= 1;
	sodium_free(object);
}

static void free_once(unsigned char *object, size_t size)
{
	(void)size;
	sodium_free(object);
}

static void free_twice(unsigned char *object, size_t size)
{
	(void)size;
	sodium_free(object);
	sodium_free(object);
}

static void free_inside(unsigned char *object, size_t size)
{
	sodium_free(object + size / 2);
}

static void load_freed(unsigned char *object, size_t size)
{
	sodium_free(object);
	load(object + size - 1, 0);
}

static bool is_full_of(const unsigned char *object, size_t size, unsigned char byte)
{
	for (size_t i = 0; i < size; i++)
		if (object[i] != byte)
			return false;
	return true;
}

static bool new_memory_is_garbage(size_t size)
{
	unsigned char *object = sodium_malloc(size);
	bool full = object != NULL && is_full_of(object, size, GARBAGE);

	sodium_free(object);
	return full;
}

/* The same act is fine inside, or an object that nobody made would pass. */
static bool ends(act *done, size_t size)
{
	unsigned char *object = sodium_malloc(size);
	bool ended = object != NULL && fate_of(store, object, size) == 0 &&
		     fate_of(free_once, object, size) == 0 && fate_of(done, object, size) != 0 &&
		     is_full_of(object, size, GARBAGE);

	sodium_free(object);
	return ended;
}

static bool a_load_after_the_end_faults(size_t size)
{
	return ends(load_after, size);
}

static bool a_store_after_the_end_faults(size_t size)
{
	return ends(store_after, size);
}

static bool a_store_before_the_start_is_found(size_t size)
{
	return ends(store_before_and_free, size);
}

static bool freed_memory_faults(size_t size)
{
	return ends(load_freed, size);
}

static bool a_second_free_ends_the_program(size_t size)
{
	return ends(free_twice, size);
}

static bool a_pointer_inside_is_not_freed(size_t size)
{
	return size < 2 || ends(free_inside, size);
}

static bool each_protection_holds_and_keeps_the_bytes(size_t size)
{
	unsigned char *object = sodium_malloc(size);
	bool held = object != NULL && memset(object, 's', size) == object &&
		    sodium_mprotect_readonly(object) == 0 && is_full_of(object, size, 's') &&
		    fate_of(load, object, size) == 0 && fate_of(store, object, size) != 0 &&
		    sodium_mprotect_noaccess(object) == 0 && fate_of(load, object, size) != 0 &&
		    fate_of(store, object, size) != 0 && sodium_mprotect_readwrite(object) == 0 &&
		    is_full_of(object, size, 's') && fate_of(store, object, size) == 0;

	sodium_free(object);
	return held;
}

static bool neighbours_keep_their_protection(size_t size)
{
	unsigned char *objects[3] = { NULL };
	bool kept = true;

	for (size_t i = 0; i < 3; i++)
		objects[i] = sodium_malloc(size);
	kept = sodium_mprotect_noaccess(objects[1]) == 0 && fate_of(store, objects[0], size) == 0 &&
	       fate_of(store, objects[2], size) == 0 && fate_of(load, objects[1], size) != 0 &&
	       fate_of(load_after, objects[0], size) != 0 &&
	       fate_of(load_after, objects[2], size) != 0;
	for (size_t i = 0; i < 3; i++)
		sodium_free(objects[i]);
	return kept;
}

static bool a_protected_object_can_be_freed(size_t size)
{
	unsigned char *one = sodium_malloc(size), *other = sodium_malloc(size);
	bool can = sodium_mprotect_noaccess(one) == 0 && sodium_mprotect_readonly(other) == 0 &&
		   fate_of(free_once, one, size) == 0 && fate_of(free_once, other, size) == 0;

	sodium_free(one);
	sodium_free(other);
	return can && new_memory_is_garbage(size);
}

/* Whether a line of /proc/self/smaps says so of the mapping. The words are those of proc(5). */
static bool has_flag(const void *at, const char *flag)
{
	unsigned long start, end;
	bool here = false, found = false;
	char line[512];
	FILE *file = fopen("/proc/self/smaps", "re");

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (uintptr_t)at >= start && (uintptr_t)at < end;
		found = here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, flag) != NULL;
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static bool it_is_locked_and_in_no_core_dump(size_t size)
{
	unsigned char *object = sodium_malloc(size);
	bool so = object != NULL && has_flag(object, " lo") && has_flag(object, " dd");

	sodium_free(object);
	return so;
}

static bool what_is_too_large_is_enomem(size_t size)
{
	bool so;

	errno = 0;
	so = sodium_malloc(SIZE_MAX - size) == NULL && errno == ENOMEM;
	errno = 0;
	return so && sodium_allocarray(SIZE_MAX / size, size + 1) == NULL && errno == ENOMEM;
}

static bool an_array_has_room_for_all(size_t size)
{
	unsigned char *array = sodium_allocarray(3, size);
	bool has = array != NULL && is_full_of(array, 3 * size, GARBAGE) &&
		   fate_of(load_after, array, 3 * size) != 0;

	sodium_free(array);
	return has;
}

static bool an_empty_object_is_none_of_the_others(size_t size)
{
	void *one = sodium_malloc(0), *other = sodium_allocarray(0, size);
	bool so = one != NULL && other != NULL && one != other;

	sodium_free(one);
	sodium_free(other);
	sodium_free(NULL);
	return so;
}

static void *make_and_free(void *size)
{
	for (unsigned i = 0; i < 200; i++)
		if (!new_memory_is_garbage(*(size_t *)size))
			return NULL;
	return size;
}

static bool threads_do_not_meet(size_t size)
{
	pthread_t threads[THREADS];
	size_t started = 0;
	bool went_well = true;
	void *answer;

	while (started < THREADS &&
	       pthread_create(&threads[started], NULL, make_and_free, &size) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		went_well &= pthread_join(threads[i], &answer) == 0 && answer == &size;
	return went_well && started == THREADS;
}

static const struct {
	const char *name;
	bool (*holds)(size_t size);
} expectations[] = {
	{ "new memory is garbage", new_memory_is_garbage },
	{ "a load after the end faults", a_load_after_the_end_faults },
	{ "a store after the end faults", a_store_after_the_end_faults },
	{ "a store before the start is found", a_store_before_the_start_is_found },
	{ "freed memory faults", freed_memory_faults },
	{ "a second free ends the program", a_second_free_ends_the_program },
	{ "a pointer inside is not freed", a_pointer_inside_is_not_freed },
	{ "each protection holds and keeps the bytes", each_protection_holds_and_keeps_the_bytes },
	{ "neighbours keep their protection", neighbours_keep_their_protection },
	{ "a protected object can be freed", a_protected_object_can_be_freed },
	{ "it is locked and in no core dump", it_is_locked_and_in_no_core_dump },
	{ "what is too large is ENOMEM", what_is_too_large_is_enomem },
	{ "an array has room for all", an_array_has_room_for_all },
	{ "an empty object is none of the others", an_empty_object_is_none_of_the_others },
	{ "threads do not meet", threads_do_not_meet },
};

static int meet(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
			if (expectations[i].holds(sizes[j]))
				continue;
			(void)printf("not so, %zu bytes: %s\n", sizes[j], expectations[i].name);
			failed = 1;
		}
	return failed;
}

/* Makes up to that many at one time, and frees them. Each has its number, so that no two can be one. */
static int make_many(const char *text)
{
	size_t count = strtoul(text, NULL, 10), made = 0, kept = 0;
	size_t **objects = calloc(count, sizeof(*objects));

	while (objects != NULL && made < count &&
	       (objects[made] = sodium_malloc(sizeof(size_t))) != NULL) {
		*objects[made] = made;
		made++;
	}
	for (size_t i = 0; i < made; i++) {
		kept += *objects[i] == i;
		sodium_free(objects[i]);
	}
	free(objects);
	(void)printf("%zu made, %zu kept\n", made, kept);
	return 0;
}

/* As another process would read it. */
static int read_by_file(const char *text)
{
	size_t size = strtoul(text, NULL, 10);
	unsigned char *object = sodium_malloc(size), byte = 0;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	bool found =
		object != NULL && fd >= 0 && pread(fd, &byte, 1, (off_t)(uintptr_t)object) == 1;

	(void)printf("%s\n", object == NULL		? "nothing"
			     : found && byte == GARBAGE ? "found"
							: "hidden");
	(void)close(fd);
	sodium_free(object);
	return 0;
}

static void use_as_child(unsigned char *object, size_t size)
{
	bool inherited = object[0] == 's';

	(void)printf("%s, %s, ", inherited && object[size - 1] == 's' ? "inherited" : "changed",
		     new_memory_is_garbage(size) ? "new" : "no more");
	(void)printf("%s\n", !inherited || has_flag(object, " lo") ? "locked" : "unlocked");
	sodium_free(object);
	(void)fflush(stdout);
}

static int fork_once(const char *text)
{
	size_t size = strtoul(text, NULL, 10);
	unsigned char *object = sodium_malloc(size);
	int fate = object != NULL ? fate_of(use_as_child, memset(object, 's', size), size) : 0;

	if (fate != 0)
		(void)printf("ended by a signal\n");
	return object != NULL && is_full_of(object, size, 's') ? 0 : 1;
}

/* A page before an object, where only its own page is. */
static void store_far_before_and_free(unsigned char *object, size_t size)
{
	(void)size;
	*(volatile unsigned char *)(object - 100) = 1;
	sodium_free(object);
}

static int run_under(const char *text)
{
	size_t size = strtoul(text, NULL, 10);
	unsigned char *object = sodium_malloc(size);

	(void)puts(fate_of(store_far_before_and_free, object, size) != 0 ? "found" : "missed");
	sodium_free(object);
	return 0;
}

static sigjmp_buf before_fault;

static void go_back(int signal)
{
	siglongjmp(before_fault, signal);
}

/* The signal that ends it here, because a child may not have the object. */
static int fate_here(act *done, unsigned char *object, size_t size)
{
	const struct sigaction back = { .sa_handler = go_back };
	struct sigaction before;
	int fate;

	if (sigaction(SIGSEGV, &back, &before) < 0)
		return -1;
	fate = sigsetjmp(before_fault, 1);
	if (fate == 0)
		done(object, size);
	(void)sigaction(SIGSEGV, &before, NULL);
	return fate;
}

/* What faults, of a load and a store in the object and after it. */
static void say_faults(const char *when, unsigned char *object, size_t size)
{
	(void)printf("%s:%s%s%s%s\n", when, fate_here(load, object, size) != 0 ? " load" : "",
		     fate_here(store, object, size) != 0 ? " store" : "",
		     fate_here(load_after, object, size) != 0 ? " load-after" : "",
		     fate_here(store_after, object, size) != 0 ? " store-after" : "");
}

static int fault(const char *text)
{
	size_t size = strtoul(text, NULL, 10);
	unsigned char *object = sodium_malloc(size);
	bool worked = object != NULL;

	say_faults("new", object, size);
	worked = worked && sodium_mprotect_readonly(object) == 0;
	say_faults("readonly", object, size);
	worked = worked && sodium_mprotect_noaccess(object) == 0;
	say_faults("noaccess", object, size);
	worked = worked && sodium_mprotect_readwrite(object) == 0;
	say_faults("readwrite", object, size);
	sodium_free(object);
	say_faults("freed", object, size);
	return worked ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(const char *size);
} tasks[] = {
	{ "many", make_many },	{ "read", read_by_file }, { "fork", fork_once },
	{ "under", run_under }, { "faults", fault },
};

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 1;
	choose_sizes();
	for (size_t i = 0; argc == 3 && i < sizeof(tasks) / sizeof(*tasks); i++)
		if (strcmp(tasks[i].name, argv[1]) == 0)
			return tasks[i].run(argv[2]);
	return meet();
}

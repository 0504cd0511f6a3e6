/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_SUPPORT_H
#define SEALMEM_TESTS_SUPPORT_SUPPORT_H

/*
 * The tests share this: a way to see that nothing leaked, that bytes are intact, what the kernel says of
 * a mapping, how a child exited, and what this kernel cannot exercise.
 */

#include "lib/maps.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* How many descriptors and mappings this process has now. Under a sanitizer or valgrind, which
 * have their own, the mappings are the shared ones of sealmem's files. */
struct census {
	int descriptors;
	int mappings;
};

/* Also where /proc has been hidden since the first census. */
struct census take_census(void);

/* Fails the test if the census has changed. */
void assert_same_census(struct census before);

/* Prints "SKIP reason" and ends the test with success: when this kernel lacks something. */
void skip_test(const char *reason);

/* Runs a suite made of one test case, each test for so many seconds at most; returns the exit code for main(). */
int run_tests(const char *name, const TTest *const *tests, size_t count, double seconds);

/* The same of a test case that somebody has filled, such as with tests that are loops. */
int run_case(const char *name, TCase *tcase);

#define RUN_TESTS_FOR(seconds, name, tests)                                                        \
 run_tests(name, tests, sizeof(tests) / sizeof(*(tests)), seconds)
#define RUN_TESTS(name, tests) RUN_TESTS_FOR(60, name, tests)

/* What makes a memfd final, and the seal against further seals. */
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define ALL_SEALS   (FINAL_SEALS | F_SEAL_SEAL)

/* A pattern without a zero byte, and different in neighbouring pages. */
void fill(void *at, size_t size);
bool is_filled(const void *at, size_t size);
void assert_filled(const void *at, size_t size);
void assert_zeroed(const void *at, size_t size);

/* Frees a region when its variable leaves scope. */
void free_region(struct sealmem_region **region);
#define SCOPED_REGION CLEANUP(free_region) struct sealmem_region

/* An open region "test" that nothing was stored to; a sealed one "bytes" made from a buffer. */
struct sealmem_region *empty_region(size_t capacity, unsigned guarantees);
struct sealmem_region *region_from(const void *bytes, size_t size, unsigned guarantees);

/* An open region of `size` bytes, filled; a sealed one. */
struct sealmem_region *open_region(const char *name, size_t size, unsigned guarantees);
struct sealmem_region *sealed_region(const char *name, size_t size, unsigned guarantees);

/* Private anonymous memory, readable and writable. */
char *map_private(size_t size);

/* Fails the test unless `region` is as open as sealmem_region_new() made it: writable and filled. */
void assert_still_open(struct sealmem_region *region, const char *data, size_t size);

/* Fails the test unless a store is refused and the bytes are filled. */
void assert_sealed(char *data, size_t size);

/* A new descriptor of the file of a region, found by its name: what another holder of it would have. */
int open_file_of(const char *name, int flags);

/* What fstat(2) says of that file. */
struct stat status_of(const char *name);

/* The mapping that holds an address; false if there is none. */
bool find_mapping(const void *at, struct maps_entry *ret);
bool is_mapped(const void *at);
size_t count_mappings_in(const void *at, size_t size);

/* Whether /proc/self/smaps has the two letters among the VmFlags of the mapping that holds `at`. */
bool has_flag(const void *at, const char *letters);

/* A field of it, such as "Locked", in KiB. */
long smaps_kib(const void *at, const char *field);

/* Whether every page is in memory. */
bool is_resident(void *at, size_t size);

/* Runs `act` in a forked child, whose exit status is what it returns; answers as waitpid(2). */
int run_child(int (*act)(void *argument), void *argument);

/* The child ends with 0. */
void assert_child_succeeds(int (*act)(void *argument), void *argument);

/* The child dies of the signal; it starts with the default action for it and leaves no core. */
void assert_child_dies(int signal, int (*act)(void *argument), void *argument);

/* For a child: 0 if the address is not mapped there. */
int is_not_mapped(void *argument);

/* The default action, also where a sanitizer has put a handler; no core file. */
void die_of_faults(void);

/* A descriptor of a new file without a name, in a directory where this user may make one. */
int temporary_file(void);

/* Has the library seal a region, from which it learns what later ones can do without. */
void seal_earlier_region(void);

/* Skip the test, unless. */
void require_root(void);
void require_mseal(void);
void require_mapped_writer(
	void); /* the kernel maps a sealed file through the descriptor that wrote it */
void require_own_address_space(void); /* no sanitizer, no valgrind */
void require_no_valgrind(const char *otherwise);

/* Bytes of mappings, as RLIMIT_AS counts them. */
rlim_t address_space_in_use(void);

/* Whether the emulation makes no mapping for good, because the addresses have 42 bits or fewer. */
bool addresses_are_scarce(void);

bool under_valgrind(void);
bool sanitized(void);

/* As answered by the kernel, 0 or more, or a negative errno. */
long result(long answer);

#endif

/* SPDX-License-Identifier: MIT */

/*
 * `sealmem serve`, killed immediately before each of its system calls, and immediately after, until it lives through all
 * that it does: takes back what was stored, publishes that, reads its files, publishes those, stores them, serves clients,
 * and does it again on SIGHUP. After each death the files are gone, so that the next server has nothing but what was
 * stored. It must serve the newest version that anybody has seen, to those who lived on and to others.
 */

#include "tests/faults/death.h"
#include "tests/faults/keeper.h"
#include "tests/support/holds.h"
#include "tests/support/published.h"
#include "tools/serve/order.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NAMES 2

/* A server that says nothing for so long hangs. */
#define PATIENCE 20000

/* Each word of a version of a file is its number, so that a mixture of two is seen. */
#define WORDS 3000

static const char *const names[NAMES] = { "first", "second" };

/* A subscription that outlives the servers. */
struct reader {
	struct sealmem_subscription *subscription;
	uint64_t generation, version;
	uint64_t before; /* its generation when this server started */
	bool lost;
};

struct scene {
	struct keeper keeper;
	struct place place;
	char directory[256], files[NAMES][288];
	uint64_t version; /* the newest that was written */
	struct reader readers[NAMES];
	int log;   /* of the server that runs, */
	int ended; /* readable when it has ended */
	pid_t server;
	unsigned ready; /* how often it has said that it is */
};

static struct scene scene;

/* Ends the test with what the server has said, which explains it. */
static _Noreturn void give_up(const char *what)
{
	char text[4096];
	ssize_t got = pread(scene.log, text, sizeof(text) - 1, 0);

	text[got < 0 ? 0 : got] = '\0';
	ck_abort_msg("%s; the server said:\n%s", what, text);
	abort();
}

static void expect(bool condition, const char *what)
{
	if (!condition)
		give_up(what);
}

static void write_files(void)
{
	uint64_t words[WORDS];
	char path[320];

	scene.version++;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = scene.version;
	for (size_t i = 0; i < NAMES; i++) {
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s.new", scene.files[i]);
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(words, 1, sizeof(words), file), sizeof(words));
		ck_assert_int_eq(fclose(file), 0);
		ck_assert_int_eq(rename(path, scene.files[i]), 0);
	}
}

static void remove_files(void)
{
	for (size_t i = 0; i < NAMES; i++)
		ck_assert_int_eq(unlink(scene.files[i]), 0);
}

/* The version that a subscription has now. */
static uint64_t version_of(struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	const uint64_t *words = sealmem_region_data(region);
	uint64_t version = words[0];

	expect(sealmem_region_size(region) == WORDS * sizeof(*words), "a version is cut short");
	for (size_t i = 0; i < WORDS; i++)
		expect(words[i] == version, "there is a mixture of two versions");
	sealmem_subscription_release(s, region);
	return version;
}

static void look(struct reader *reader)
{
	uint64_t generation = sealmem_subscription_generation(reader->subscription);
	uint64_t version = version_of(reader->subscription);

	expect(generation > reader->generation, "the number of a generation runs backwards");
	expect(version >= reader->version, "an older version follows a newer one");
	expect(version <= scene.version, "nobody wrote this version");
	reader->generation = generation;
	reader->version = version;
}

/* The server may have gone at any time. */
static void take(struct reader *reader)
{
	int err = sealmem_subscription_update(reader->subscription);

	if (err == 1)
		look(reader);
	reader->lost = err < 0;
}

static int connection(void)
{
	const struct timeval limit = { .tv_sec = PATIENCE / 1000 };
	int fd = connect_to(&scene.place);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

/* The connections wait until a server accepts them. */
static void reconnect(void)
{
	for (size_t i = 0; i < NAMES && scene.readers[i].subscription != NULL; i++) {
		int fd = connection();

		ck_assert_int_eq(sealmem_subscription_reconnect(scene.readers[i].subscription, fd),
				 0);
		scene.readers[i].lost = false;
		(void)close(fd);
	}
}

static _Noreturn void be_server(const struct death *death)
{
	struct offer offers[NAMES] = { 0 };
	struct serve_order order = { .offers = offers, .count = NAMES, .most = SIZE_MAX };
	char text[320];

	for (size_t i = 0; i < NAMES; i++) {
		(void)snprintf(text, sizeof(text), "%s=%s", names[i], scene.files[i]);
		if (offer_parse(&offers[i], text) != EXIT_NOT_YET)
			_exit(EXIT_FAILED);
	}
	keeper_hand_over(&scene.keeper, scene.place.listening, scene.log);
	if (death != NULL)
		death_arm(death);
	_exit((int)serve(&order));
}

static void start(const struct death *death)
{
	ck_assert_int_eq(ftruncate(scene.log, 0), 0);
	ck_assert_int_eq(lseek(scene.log, 0, SEEK_SET), 0);
	for (size_t i = 0; i < NAMES; i++)
		scene.readers[i].before = scene.readers[i].generation;
	reconnect();
	scene.ready = 0;
	scene.server = fork();
	ck_assert_int_ge(scene.server, 0);
	if (scene.server == 0)
		be_server(death);
	scene.ended = (int)syscall(SYS_pidfd_open, scene.server, 0);
	ck_assert_int_ge(scene.ended, 0);
}

static bool all_have_newest(void)
{
	for (size_t i = 0; i < NAMES; i++)
		if (scene.readers[i].subscription != NULL &&
		    scene.readers[i].version != scene.version)
			return false;
	return true;
}

static bool has_started(void)
{
	return scene.ready >= 1 && all_have_newest();
}

static bool has_reloaded(void)
{
	return scene.ready >= 2 && all_have_newest();
}

static bool has_recovered(void)
{
	for (size_t i = 0; i < NAMES; i++)
		if (scene.readers[i].generation == scene.readers[i].before)
			return false;
	return scene.ready >= 1;
}

static int descriptor_of(const struct reader *reader)
{
	if (reader->subscription == NULL || reader->lost)
		return -1;
	return sealmem_subscription_fd(reader->subscription);
}

/* Hears, and takes what comes, until that is so or the server has ended. */
static void attend(bool (*is_done)(void))
{
	struct pollfd waited[NAMES + 2] = { { .fd = scene.ended, .events = POLLIN },
					    { .fd = scene.keeper.socket, .events = POLLIN } };

	while (waited[0].revents == 0 && !is_done()) {
		for (size_t i = 0; i < NAMES; i++)
			waited[i + 2] = (struct pollfd){ .fd = descriptor_of(&scene.readers[i]),
							 .events = POLLIN };
		expect(poll(waited, NAMES + 2, PATIENCE) > 0, "the server hangs");
		scene.ready += keeper_hear(&scene.keeper);
		for (size_t i = 0; i < NAMES; i++)
			if (waited[i + 2].revents != 0)
				take(&scene.readers[i]);
	}
}

/* How the server ended, as waitpid(2) says it. */
static int end(void)
{
	struct pollfd waited = { .fd = scene.ended, .events = POLLIN };
	int status = 0;

	(void)kill(scene.server, SIGTERM);
	while (poll(&waited, 1, 10) == 0)
		(void)keeper_hear(&scene.keeper);
	ck_assert_int_eq(waitpid(scene.server, &status, 0), scene.server);
	(void)keeper_hear(&scene.keeper);
	(void)close(scene.ended);
	return status;
}

/* A server with new files, which then change again. */
static int live(const struct death *death)
{
	write_files();
	start(death);
	attend(has_started);
	if (has_started()) {
		write_files();
		(void)kill(scene.server, SIGHUP);
		attend(has_reloaded);
	}
	return end();
}

/* The newest version of what is kept under a name. */
static uint64_t newest_kept(const char *name)
{
	uint64_t newest = 0, version;

	for (size_t i = 0; i < scene.keeper.count; i++)
		if (strncmp(scene.keeper.kept[i].title, name, strlen(name)) == 0 &&
		    pread(scene.keeper.kept[i].fd, &version, sizeof(version), 0) > 0 &&
		    version > newest)
			newest = version;
	return newest;
}

static void expect_served(const char *name, const struct reader *reader, uint64_t version)
{
	struct sealmem_subscription *other = NULL;
	int fd = connection();

	expect(sealmem_subscribe(&other, fd, name, SIZE_MAX, SEALMEM_CONTENT) == 0,
	       "another subscriber is not served");
	(void)close(fd);
	expect(version_of(other) == version, "another subscriber gets another version");
	expect(sealmem_subscription_generation(other) == reader->generation,
	       "two subscribers have different numbers");
	ck_assert_ptr_null(sealmem_subscription_free(other));
}

/* A server that has nothing but what was stored. */
static void recover(void)
{
	uint64_t version[NAMES];

	for (size_t i = 0; i < NAMES; i++) {
		version[i] = newest_kept(names[i]);
		expect(version[i] >= scene.readers[i].version,
		       "a version was published that is not stored");
	}
	remove_files();
	start(NULL);
	attend(has_recovered);
	expect(has_recovered(), "the server that follows serves nothing");
	for (size_t i = 0; i < NAMES; i++) {
		expect(scene.readers[i].version == version[i], "what was stored is lost");
		expect_served(names[i], &scene.readers[i], version[i]);
	}
	expect(end() == 0, "the server that follows does not end well");
	expect(scene.keeper.count == NAMES, "the store has more than the newest, or less");
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* How many calls a server lives through. */
static unsigned kill_at_each(enum moment moment)
{
	struct census census = take_own_census();
	struct death death = { .moment = moment };
	int status;

	while (was_killed(status = live(&death))) {
		recover();
		assert_own_census(census);
		death.at++;
	}
	expect(status == 0, "the server ends otherwise");
	return death.at;
}

static void make_scene(void)
{
	const char *directory = getenv("TMPDIR");
	struct digest digest;

	scene.place = new_place();
	scene.log = memfd_create("log", MFD_CLOEXEC);
	keeper_begin(&scene.keeper);
	/* Once for all servers: it loads a large library. */
	ck_assert_int_eq(digest_of(&digest, scene.log), 0);
	(void)snprintf(scene.directory, sizeof(scene.directory), "%s/killed-server-XXXXXX",
		       directory != NULL ? directory : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(scene.directory));
	for (size_t i = 0; i < NAMES; i++)
		(void)snprintf(scene.files[i], sizeof(scene.files[i]), "%s/%s", scene.directory,
			       names[i]);
}

/* The first server stores the first versions, and the readers get what it serves. */
static void fill_scene(void)
{
	ck_assert_int_eq(live(NULL), 0);
	start(NULL);
	for (size_t i = 0; i < NAMES; i++) {
		struct reader *reader = &scene.readers[i];
		int fd = connection();

		ck_assert_int_eq(sealmem_subscribe(&reader->subscription, fd, names[i], SIZE_MAX,
						   SEALMEM_CONTENT),
				 0);
		(void)close(fd);
		look(reader);
	}
	ck_assert_int_eq(end(), 0);
	recover();
}

static void free_scene(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		ck_assert_ptr_null(sealmem_subscription_free(scene.readers[i].subscription));
		(void)unlink(scene.files[i]);
	}
	ck_assert_int_eq(rmdir(scene.directory), 0);
	keeper_end(&scene.keeper);
	free_place(&scene.place);
	(void)close(scene.log);
}

START_TEST(a_server_that_is_killed_at_any_call_loses_nothing_that_somebody_has_seen)
{
	unsigned before, after;

	make_scene();
	fill_scene();
	before = kill_at_each(BEFORE_CALL);
	after = kill_at_each(AFTER_CALL);
	printf("%u servers killed, at %u calls before and %u after\n", before + after, before,
	       after);
	free_scene();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_server_that_is_killed_at_any_call_loses_nothing_that_somebody_has_seen,
	};

	return RUN_TESTS_FOR(600, "killed-server", tests);
}

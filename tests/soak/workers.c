/* SPDX-License-Identifier: MIT */

/*
 * What the workers do. Each checks all that it gets: bytes, sizes, numbers of generations, exit statuses. Addresses that
 * are sealed stay for as long as their process, so the workers that last do not seal them: their children do.
 */

#include "tests/soak/soak.h"

#include "include/sealmem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define CONTENT	      SEALMEM_CONTENT
#define CARRIED	      (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

#define MOST_BYTES ((size_t)100000)

void lose(struct report *report, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(report->lost, sizeof(report->lost), format, list);
	va_end(list);
	_exit(EXIT_FAILURE);
}

/* Numbers that are the same in each run, of each thread. */
struct numbers {
	uint64_t state;
};

static size_t below(struct numbers *n, size_t limit)
{
	n->state = n->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(n->state >> 33) % limit;
}

static void fill(char *to, size_t size, unsigned salt)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (char)(1 + (i + salt) % 251);
}

static bool is_filled(const char *from, size_t size, unsigned salt)
{
	for (size_t i = 0; i < size; i++)
		if (from[i] != (char)(1 + (i + salt) % 251))
			return false;
	return true;
}

/* What a machine or a limit may refuse. */
static bool is_shortage(int err)
{
	return err == -EAGAIN || err == -ENOMEM || err == -EMFILE || err == -ENFILE ||
	       err == -EFBIG || err == -EOPNOTSUPP;
}

/* The kernel writes some of the pages to the swap, if there is one, and reads them back. */
static void reclaim(const struct sealmem_region *region)
{
	(void)madvise(sealmem_region_data(region), sealmem_region_size(region), MADV_PAGEOUT);
}

/* Regions */

static const unsigned demands[] = {
	CONTENT,	   CONTENT | SEALMEM_GUARDS,
	CONTENT | CARRIED, CONTENT | CARRIED | SEALMEM_GUARDS,
	SEALMEM_SECRECY,
};

static int open_and_seal(struct sealmem_region **ret, const char *bytes, size_t size,
			 unsigned demand)
{
	struct sealmem_region *region = NULL;
	int err = sealmem_region_new(&region, "soak", 2 * MOST_BYTES, demand);
	void *at = NULL;

	if (err == 0)
		at = sealmem_region_alloc(region, size, 0);
	if (err == 0 && at == NULL)
		err = -errno;
	if (err == 0) {
		memcpy(at, bytes, size);
		err = sealmem_region_seal(region);
	}
	if (err == 0)
		*ret = region;
	else
		(void)sealmem_region_free(region);
	return err;
}

static int from_file(struct sealmem_region **ret, const char *bytes, size_t size, unsigned demand)
{
	int fd = memfd_create("soak", MFD_CLOEXEC);
	int err = fd < 0 || write(fd, bytes, size) != (ssize_t)size ? -EMFILE : 0;

	if (err == 0)
		err = sealmem_region_new_from_file(ret, "soak", fd, size, demand);
	if (fd >= 0)
		close(fd);
	return err;
}

static int from_buffer(struct sealmem_region **ret, const char *bytes, size_t size, unsigned demand)
{
	return sealmem_region_new_from(ret, "soak", bytes, size, demand);
}

static int (*const ways[])(struct sealmem_region **ret, const char *bytes, size_t size,
			   unsigned demand) = { open_and_seal, from_file, from_buffer };

static void check_region(struct report *report, const struct sealmem_region *region, size_t size,
			 unsigned salt, unsigned demand)
{
	if (sealmem_region_size(region) != size)
		lose(report, "a region of %zu bytes has %zu", size, sealmem_region_size(region));
	if ((sealmem_region_guarantees(region) & demand) != demand)
		lose(report, "a region has %#x of %#x", sealmem_region_guarantees(region), demand);
	if (!is_filled(sealmem_region_data(region), size, salt))
		lose(report, "the bytes of a region changed");
	if (demand & CONTENT && sealmem_try_write(sealmem_region_data(region), "x", 1) == 0)
		lose(report, "a sealed region was written to");
}

/* One region, from its bytes to its end. */
static int one_region(struct report *report, struct numbers *n, char *bytes)
{
	unsigned salt = (unsigned)below(n, 251), demand = demands[below(n, LENGTH(demands))];
	size_t size = 1 + below(n, MOST_BYTES);
	struct sealmem_region *region = NULL;
	int err;

	fill(bytes, size, salt);
	err = ways[below(n, LENGTH(ways))](&region, bytes, size, demand);
	if (err < 0)
		return err;
	reclaim(region);
	check_region(report, region, size, salt, demand);
	(void)sealmem_region_free(region);
	return 0;
}

struct thread {
	struct soak *soak;
	struct report *report;
	void (*round)(struct thread *thread);
	struct numbers numbers;
	struct sealmem_heap *heap;
	char bytes[MOST_BYTES];
};

static void round_of_regions(struct thread *t)
{
	int err = one_region(t->report, &t->numbers, t->bytes);

	if (err < 0 && !is_shortage(err))
		lose(t->report, "a region was refused: %s", sealmem_strerror(err));
	atomic_fetch_add(err == 0 ? &t->report->rounds : &t->report->refused, 1);
}

/* A limit that falls can make the seal fail, and then its roll-back. */
static void round_under_limits(struct thread *t)
{
	int err = one_region(t->report, &t->numbers, t->bytes);

	if (err < 0 && err != -ENOTRECOVERABLE && !is_shortage(err))
		lose(t->report, "a region was refused: %s", sealmem_strerror(err));
	atomic_fetch_add(err == 0 ? &t->report->rounds : &t->report->refused, 1);
}

static void *run_thread(void *argument)
{
	struct thread *t = argument;

	while (!atomic_load(&t->soak->stop))
		t->round(t);
	return NULL;
}

#define THREADS 3

static void run_threads(struct soak *soak, struct report *report, void (*round)(struct thread *t),
			struct sealmem_heap *heap)
{
	struct thread *threads = calloc(THREADS, sizeof(*threads));
	pthread_t ids[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].soak = soak;
		threads[i].report = report;
		threads[i].round = round;
		threads[i].heap = heap;
		threads[i].numbers.state = i;
		if (pthread_create(&ids[i], NULL, run_thread, &threads[i]) != 0)
			lose(report, "no thread");
	}
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(ids[i], NULL);
	free(threads);
}

static void seal_regions(struct soak *soak, struct report *report)
{
	run_threads(soak, report, round_of_regions, NULL);
}

/* Children, that inherit what is sealed, and seal addresses of their own. */

static int be_a_child(struct report *report, const struct sealmem_region *inherited, unsigned salt)
{
	struct sealmem_region *own = NULL;
	char bytes[1000];
	int err;

	check_region(report, inherited, sizeof(bytes), salt, CONTENT);
	fill(bytes, sizeof(bytes), salt);
	err = sealmem_region_new_from(&own, "child", bytes, sizeof(bytes),
				      CONTENT | (SEALMEM_ADDRESS & sealmem_supported()));
	if (err < 0)
		return is_shortage(err) ? 0 : 1;
	check_region(report, own, sizeof(bytes), salt, CONTENT);
	(void)sealmem_region_free(own);
	return 0;
}

static void wait_for(struct report *report, pid_t child)
{
	int status = -1;

	if (waitpid(child, &status, 0) != child || status != 0)
		lose(report, "a child ended with %#x", (unsigned)status);
}

/* With threads that seal meanwhile. */
static void round_of_children(struct thread *t)
{
	struct sealmem_region *region = NULL;
	unsigned salt = (unsigned)below(&t->numbers, 251);
	pid_t child;

	fill(t->bytes, 1000, salt);
	if (sealmem_region_new_from(&region, "parent", t->bytes, 1000, CONTENT) < 0)
		lose(t->report, "a region for a child was refused");
	child = fork();
	if (child == 0)
		_exit(be_a_child(t->report, region, salt));
	if (child < 0)
		lose(t->report, "no child");
	wait_for(t->report, child);
	(void)sealmem_region_free(region);
	round_of_regions(t);
}

static void fork_children(struct soak *soak, struct report *report)
{
	run_threads(soak, report, round_of_children, NULL);
}

/* Heaps, each of which lasts for some thousand objects of three threads. */

static void use_object(struct thread *t, char *object, size_t size)
{
	unsigned salt = (unsigned)below(&t->numbers, 251);
	char *larger;

	for (size_t i = 0; i < size; i++)
		if (object[i] != 0)
			lose(t->report, "an object of a heap was not zeroed");
	fill(object, size, salt);
	larger = sealmem_heap_realloc(t->heap, object, size + 1 + below(&t->numbers, size));
	if (larger != NULL)
		object = larger;
	if (!is_filled(object, size, salt))
		lose(t->report, "the bytes of an object changed");
	sealmem_heap_dealloc(t->heap, object);
	atomic_fetch_add(larger != NULL ? &t->report->rounds : &t->report->refused, 1);
}

static void round_of_objects(struct thread *t)
{
	size_t most = below(&t->numbers, 10) > 0 ? 2000 : 40000;
	size_t size = 1 + below(&t->numbers, most);
	char *object = sealmem_heap_alloc(t->heap, size);

	if (object != NULL)
		use_object(t, object, size);
	else if (is_shortage(-errno))
		atomic_fetch_add(&t->report->refused, 1);
	else
		lose(t->report, "an object was refused: %s", strerror(errno));
}

static void fill_heaps(struct soak *soak, struct report *report)
{
	struct thread *t = calloc(1, sizeof(*t));

	t->report = report;
	while (!atomic_load(&soak->stop)) {
		unsigned demand = below(&t->numbers, 2) == 0 ? CARRIED : SEALMEM_SECRECY;

		if (sealmem_heap_new(&t->heap, "soak", 1 << 20, demand & sealmem_supported()) < 0)
			lose(report, "a heap was refused");
		for (unsigned i = 0; i < 2000 && !atomic_load(&soak->stop); i++)
			round_of_objects(t);
		if (sealmem_heap_close(t->heap) < 0 || sealmem_heap_open(t->heap) < 0)
			lose(report, "a heap was not closed and opened");
		if (sealmem_heap_check(t->heap) < 0)
			lose(report, "a heap is corrupted");
		(void)sealmem_heap_free(t->heap);
	}
	free(t);
}

/* The same heap for threads. */
static void share_heap(struct soak *soak, struct report *report)
{
	struct sealmem_heap *heap = NULL;

	if (sealmem_heap_new(&heap, "shared", 1 << 22, SEALMEM_NODUMP) < 0)
		lose(report, "a heap was refused");
	run_threads(soak, report, round_of_objects, heap);
	if (sealmem_heap_check(heap) < 0)
		lose(report, "a heap is corrupted");
	(void)sealmem_heap_free(heap);
}

/* A publisher and those who subscribe */

static bool is_ready(int fd, int milliseconds)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, milliseconds) == 1;
}

static void publish_next(struct report *report, struct sealmem_publisher *publisher, char *bytes)
{
	struct sealmem_region *region = NULL;
	unsigned long next = atomic_load(&report->rounds) + 1;

	memset(bytes, (int)(next % 256), 5000);
	if (sealmem_region_new_from(&region, "soak", bytes, 5000, CONTENT) < 0 ||
	    sealmem_publish(publisher, region) < 0)
		lose(report, "a generation was not published");
	(void)sealmem_region_free(region);
	atomic_store(&report->rounds, next);
}

static void publish_generations(struct soak *soak, struct report *report)
{
	struct sealmem_publisher *publisher = NULL;
	char bytes[5000];
	time_t last = 0;

	if (sealmem_publisher_new(&publisher, soak->listening) < 0)
		lose(report, "no publisher");
	while (!atomic_load(&soak->stop)) {
		struct timespec now;

		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec * 10 + now.tv_nsec / 100000000 != last) {
			last = now.tv_sec * 10 + now.tv_nsec / 100000000;
			publish_next(report, publisher, bytes);
		}
		if (is_ready(sealmem_publisher_fd(publisher), 20) &&
		    sealmem_publisher_dispatch(publisher) < 0)
			lose(report, "the publisher failed");
	}
	(void)sealmem_publisher_free(publisher);
}

static struct sealmem_subscription *subscribe(struct thread *t)
{
	const struct timeval limit = { 10, 0 };
	struct sealmem_subscription *subscription = NULL;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	if (fd < 0 || connect(fd, (struct sockaddr *)&t->soak->address, t->soak->address_size) < 0)
		lose(t->report, "no connection to the publisher: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	err = sealmem_subscribe(&subscription, fd, "soak", 10000, CONTENT);
	close(fd);
	/* At the end, the publisher may be the first to go. */
	if (err < 0 && !atomic_load(&t->soak->stop) && err != -ECONNRESET && err != -EPIPE)
		lose(t->report, "a subscription was refused: %s", sealmem_strerror(err));
	return subscription;
}

static void check_generation(struct thread *t, struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	const char *data = sealmem_region_data(region);

	if (sealmem_region_size(region) != 5000 || memcmp(data, data + 1, 4999) != 0)
		lose(t->report, "a generation is not whole");
	sealmem_subscription_release(s, region);
}

/* Some generations of one subscription: their numbers grow. */
static void round_of_generations(struct thread *t)
{
	struct sealmem_subscription *s = subscribe(t);
	uint64_t last = sealmem_subscription_generation(s);

	for (unsigned i = 0; s != NULL && i < 20 && !atomic_load(&t->soak->stop); i++) {
		bool ready = is_ready(sealmem_subscription_fd(s), 1000);
		int newer = ready ? sealmem_subscription_update(s) : 0;

		if (newer < 0 && !atomic_load(&t->soak->stop))
			break;
		if (newer > 0 && sealmem_subscription_generation(s) <= last)
			lose(t->report, "a generation is not newer than the one before");
		last = sealmem_subscription_generation(s);
		check_generation(t, s);
		atomic_fetch_add(&t->report->rounds, 1);
	}
	(void)sealmem_subscription_free(s);
}

static void take_generations(struct soak *soak, struct report *report)
{
	run_threads(soak, report, round_of_generations, NULL);
}

/* Limits that change while regions are made. Each refusal is one that the header lists. */

static void set_limit(unsigned resource, rlim_t soft)
{
	struct rlimit limit;

	(void)getrlimit(resource, &limit);
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

static const struct {
	unsigned resource;
	rlim_t low;
} limits[] = {
	{ RLIMIT_FSIZE, 5000 },
	{ RLIMIT_MEMLOCK, 8192 },
	{ RLIMIT_NOFILE, 6 },
};

static void *change_limits(void *argument)
{
	struct thread *t = argument;
	const struct timespec moment = { 0, 1000000 };

	while (!atomic_load(&t->soak->stop)) {
		size_t i = below(&t->numbers, LENGTH(limits));

		set_limit(limits[i].resource, limits[i].low);
		(void)nanosleep(&moment, NULL);
		set_limit(limits[i].resource, limits[i].resource == RLIMIT_NOFILE ? 1024 : 1 << 28);
		(void)nanosleep(&moment, NULL);
	}
	return NULL;
}

static void live_with_limits(struct soak *soak, struct report *report)
{
	struct thread *t = calloc(1, sizeof(*t));
	pthread_t id;

	t->soak = soak;
	t->report = report;
	if (pthread_create(&id, NULL, change_limits, t) != 0)
		lose(report, "no thread");
	run_threads(soak, report, round_under_limits, NULL);
	(void)pthread_join(id, NULL);
	free(t);
}

/* The command looks at the other workers. */

static int run_command(struct soak *soak, pid_t whom)
{
	char number[16];
	int status = -1;
	pid_t child;

	(void)snprintf(number, sizeof(number), "%d", whom);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDOUT_FILENO);
		(void)execl(soak->command, soak->command, "audit", "--json", number, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* It exits with 1 where something is worth checking, and with 2 if it could not look. */
static void audit_workers(struct soak *soak, struct report *report)
{
	const struct timespec moment = { 0, 100000000 };

	while (!atomic_load(&soak->stop)) {
		int status;

		atomic_fetch_add(&report->children, 1);
		status = run_command(soak, getppid());
		if (status != 0 && status != 1)
			lose(report, "sealmem audit exited with %d", status);
		atomic_fetch_add(&report->rounds, 1);
		(void)nanosleep(&moment, NULL);
	}
}

/* What the soak has to find: a descriptor and a page that are never given back. */
static void leak(struct soak *soak, struct report *report)
{
	const struct timespec moment = { 0, 20000000 };

	while (!atomic_load(&soak->stop)) {
		char *page = mmap(NULL, sealmem_page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
				  dup(soak->listening), 0);

		if (page == MAP_FAILED)
			lose(report, "no page to leak");
		/* Or the kernel would merge it with the one before. */
		(void)mprotect(page, sealmem_page_size(),
			       atomic_fetch_add(&report->rounds, 1) % 2 == 0 ? PROT_NONE
									     : PROT_READ);
		(void)nanosleep(&moment, NULL);
	}
}

/* The last one runs only where it is asked for. */
const struct worker workers[] = {
	{ "regions", "regions sealed", seal_regions },
	{ "children", "children", fork_children },
	{ "heaps", "objects in heaps", fill_heaps },
	{ "heap", "objects in one heap", share_heap },
	{ "publisher", "generations published", publish_generations },
	{ "subscribers", "generations looked at", take_generations },
	{ "limits", "regions under limits", live_with_limits },
	{ "audit", "audits", audit_workers },
	{ "leak", "leaks", leak },
};

const size_t worker_count = LENGTH(workers);

/* SPDX-License-Identifier: MIT */

/*
 * How a misused heap ends. The heap promises to notice a mistake, or that it faults, or that nothing can be read. It
 * notices most at the next call. So each trial goes on as a program would after its mistake. Only then does it ask what
 * has become of the other objects.
 */

#include "attack/misuse.h"

#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/victims.h"
#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What the neighbours of an object hold. */
#define NEIGHBOUR 'n'

/* More than a word, so that an address in freed memory is not a part of the secret. */
#define SMALL 64

/* What a heap writes before it aborts, when its name is that of the victims. */
static const char found[] = "sealmem: heap \"attack\" is corrupted: 0x";

static char *new_neighbour(struct misuse *m)
{
	char *object = m->heap->alloc(m->handle, m->size);

	return object != NULL ? memset(object, NEIGHBOUR, m->size) : NULL;
}

static int prepare(struct misuse *m)
{
	const struct victim *victim = m->scene->victim;
	int err = m->heap->new (&m->handle, victim->guarantees);

	if (err < 0)
		return err;
	m->before = new_neighbour(m);
	m->object = new_neighbour(m);
	m->after = new_neighbour(m);
	if (m->before == NULL || m->object == NULL || m->after == NULL)
		return -ENOMEM;
	secret_choose(&m->secret);
	secret_write(&m->secret, m->object);
	return victim->closes ? m->heap->close(m->handle) : 0;
}

void misuse_free(struct misuse *m)
{
	m->heap->dealloc(m->handle, m->object);
	m->freed = m->object;
	m->object = NULL;
}

struct step {
	struct misuse *misuse;
	void (*act)(struct misuse *misuse);
};

static void take(void *argument)
{
	struct step *step = argument;

	step->act(step->misuse);
}

static int try_step(struct misuse *m, void (*act)(struct misuse *m))
{
	struct step step = { m, act };

	return guarded(take, &step);
}

static bool is_changed(const char *neighbour, size_t size)
{
	for (size_t i = 0; neighbour != NULL && i < size; i++)
		if (neighbour[i] != NEIGHBOUR)
			return true;
	return false;
}

static bool overlap(const char *a, const char *b, size_t size)
{
	return a != NULL && b != NULL && a < b + size && b < a + size;
}

static bool is_shared(const struct misuse *m, const char *object)
{
	return overlap(object, m->before, m->size) || overlap(object, m->object, m->size) ||
	       overlap(object, m->after, m->size);
}

/* What the act saw itself says more. */
static void worsen(struct scene *scene)
{
	if (scene->seen == OUTCOME_HELD)
		saw(scene, OUTCOME_CHANGED);
}

/* The calls that a heap has to notice a mistake. */
static void go_on(struct misuse *m)
{
	const char *first, *second, *third;

	if (m->scene->victim->closes && m->heap->open(m->handle) < 0)
		abort();
	if (m->object != NULL)
		misuse_free(m);
	first = m->heap->alloc(m->handle, m->size);
	second = m->heap->alloc(m->handle, m->size);
	third = m->heap->alloc(m->handle, m->size);
	(void)m->heap->check(m->handle);
	if (overlap(first, second, m->size) || overlap(second, third, m->size) ||
	    is_shared(m, first) || is_shared(m, second) || is_shared(m, third) ||
	    is_changed(m->before, m->size) || is_changed(m->after, m->size) || m->harmed)
		worsen(m->scene);
}

static _Noreturn void play(struct misuse *m, int end, void (*act)(struct misuse *m))
{
	struct scene *scene = m->scene;

	(void)dup2(end, STDERR_FILENO);
	(void)signal(SIGABRT, SIG_DFL);
	scene->helper_answer = prepare(m);
	if (scene->helper_answer < 0)
		_exit(EXIT_FAILURE);
	scene->helper_answer = try_step(m, act);
	if (scene->helper_answer == 0)
		scene->helper_answer = m->error;
	/* A heap whose functions fault is as good as changed. */
	if (try_step(m, go_on) < 0)
		worsen(scene);
	_exit(EXIT_SUCCESS);
}

/* One line, and no more. */
static bool is_line(const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);

	return size > strlen(found) && memcmp(text, found, strlen(found)) == 0 &&
	       end == text + size - 1;
}

static int judge(struct scene *scene, int status, const char *text, size_t size)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
		return scene->helper_answer;
	if (WIFEXITED(status) && scene->helper_answer < 0)
		return not_applicable(scene, "another heap like it cannot be made");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !is_line(text, size))
		return -ECHILD;
	if (scene->seen == OUTCOME_HELD)
		saw(scene, OUTCOME_FOUND);
	return 0;
}

static size_t read_all(int fd, char *ret, size_t size)
{
	size_t got = 0;
	long more;

	while (got < size && (more = attempt(SYS_read, fd, ret + got, size - got)) > 0)
		got += (size_t)more;
	return got;
}

int misuse_try(struct scene *scene, void (*act)(struct misuse *misuse))
{
	struct misuse m = { .scene = scene,
			    .heap = scene->victim->heap,
			    .size = scene->argument == MISUSE_LARGE ? scene->page : SMALL };
	char text[512];
	int ends[2], status = 0, err = sys_pipe(ends);
	size_t size;
	pid_t pid;

	if (err < 0)
		return err;
	scene->helper_answer = -ECHILD;
	pid = fork();
	if (pid == 0)
		play(&m, ends[1], act);
	close_fd(ends[1]);
	size = pid > 0 ? read_all(ends[0], text, sizeof(text)) : 0;
	close_fd(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid < 0 ? -EAGAIN : judge(scene, status, text, size);
}

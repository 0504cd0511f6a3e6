/* SPDX-License-Identifier: MIT */

/*
 * Loads the secrets, passes them and executes the program. The order of the steps matters. With --no-dump
 * this process first becomes one that others cannot read, before there is anything to read. The directory
 * of credentials comes next, because a child of this process creates it and must not see a secret. The
 * descriptors become inheritable last, so that an error leaks nothing.
 */

#include "tools/run/order.h"

#include "tools/run/credentials.h"
#include "tools/run/descriptors.h"
#include "tools/run/files.h"
#include "tools/launch/harden.h"
#include "tools/run/image.h"
#include "tools/run/pass.h"
#include "tools/run/preload.h"
#include "tools/run/secret-heap.h"
#include "tools/run/supervise.h"
#include "tools/launch/program.h"
#include "tools/launch/undumpable.h"
#include "lib/util.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/* Past the number of each secret. */
static int end_of_numbers(const struct order *order)
{
	return order->secrets[order->count - 1].number + 1;
}

/* A source is closed when it has been read, so it may be open where a secret goes. */
static bool is_source(const struct order *order, int fd)
{
	for (size_t i = 0; i < order->count; i++)
		if (order->secrets[i].fd == fd)
			return true;
	return false;
}

/* A descriptor that the caller has open is meant for the program, and must not be replaced silently. */
static bool is_taken(const struct order *order, int fd)
{
	return descriptor_is_inherited(fd) && !is_source(order, fd);
}

/* A source is closed when it has been read, and the program is told that an inherited descriptor is open. */
static enum exit_status check_inherited(const struct order *order, int end)
{
	for (int fd = FIRST_DESCRIPTOR; fd < end; fd++)
		if (is_source(order, fd))
			return complain("run", EXIT_OURS,
					"descriptor %d is a source and one of those in LISTEN_FDS, "
					"which go to the program: do without --listen-fds",
					fd);
	return EXIT_NOT_YET;
}

/* LISTEN_FDS demands numbers without a gap, from 3 on. */
static enum exit_status number_as_listening(const struct order *order)
{
	int next = FIRST_DESCRIPTOR + pass_inherited();
	enum exit_status code = check_inherited(order, next);

	if (code != EXIT_NOT_YET)
		return code;
	for (size_t i = 0; i < order->count; i++, next++) {
		if (is_taken(order, next))
			return complain(
				"run", EXIT_OURS,
				"descriptor %d is open, but LISTEN_FDS needs it for secret '%s': "
				"close it (%d>&-), or do without --listen-fds",
				next, order->secrets[i].name, next);
		order->secrets[i].number = next;
	}
	return EXIT_NOT_YET;
}

/* A start script that opens a file as descriptor 3 must not replace a secret. */
static enum exit_status number_out_of_the_way(const struct order *order)
{
	int next = FIRST_UNUSUAL;

	for (size_t i = 0; i < order->count; i++, next++) {
		while (is_taken(order, next))
			next++;
		order->secrets[i].number = next;
	}
	return EXIT_NOT_YET;
}

static enum exit_status clear_numbers(const struct order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		struct secret *secret = &order->secrets[i];
		int err = secret->fd >= 0 ? descriptor_move_past(&secret->fd, end_of_numbers(order))
					  : 0;

		if (err < 0)
			return pass_complain("move the sources", err);
	}
	return EXIT_NOT_YET;
}

/* A run within this one can add descriptors to LISTEN_FDS only if the next number is free. */
static int move_directory(struct order *order)
{
	int end = end_of_numbers(order);

	return descriptor_move_past(&order->directory, end > FIRST_UNUSUAL ? end : FIRST_UNUSUAL);
}

static enum exit_status make_directory(struct order *order)
{
	int err;

	if (!(order->ways & PASS_DIRECTORY) || order->files != NULL)
		return EXIT_NOT_YET;
	order->directory = credentials_new();
	if (order->directory < 0)
		return pass_complain_of_directory(order->directory);
	err = move_directory(order);
	return err < 0 ? pass_complain_of_directory(err) : EXIT_NOT_YET;
}

/* What is followed keeps descriptors open while others are loaded, and they must not be at the numbers of those. */
static enum exit_status reserve_numbers(const struct order *order)
{
	CLEANUP(close_fd_at) int fd = sys_open("/", O_PATH);
	int err = fd < 0 ? fd : descriptor_move_past(&fd, end_of_numbers(order));

	for (size_t i = 0; i < order->count && err >= 0; i++)
		err = sys_dup_over(fd, order->secrets[i].number);
	return err < 0 ? pass_complain("pass the secrets", err) : EXIT_NOT_YET;
}

static enum exit_status prepare(struct order *order)
{
	enum exit_status code = order->ways & PASS_LISTEN ? number_as_listening(order)
							  : number_out_of_the_way(order);

	if (code == EXIT_NOT_YET)
		code = clear_numbers(order);
	if (code == EXIT_NOT_YET && order->on_update.wanted)
		code = reserve_numbers(order);
	return code == EXIT_NOT_YET ? make_directory(order) : code;
}

static enum exit_status load_secret(const struct order *order, size_t i)
{
	struct secret *secret = &order->secrets[i];
	enum exit_status code = secret_load(secret, &order->terms);
	int err;

	if (code != EXIT_NOT_YET)
		return code;
	err = descriptor_move_to(&secret->fd, secret->number);
	return err < 0 ? pass_complain("pass the secrets", err) : EXIT_NOT_YET;
}

static enum exit_status load_those(const struct order *order, bool of_commands)
{
	enum exit_status code = EXIT_NOT_YET;

	for (size_t i = 0; i < order->count && code == EXIT_NOT_YET; i++)
		if (secret_is_of_command(&order->secrets[i]) == of_commands)
			code = load_secret(order, i);
	return code;
}

/* A command may leave a process that goes on looking. So the commands start before this process has read
 * another secret, and without the variables that are secrets. */
static enum exit_status load_secrets(const struct order *order)
{
	enum exit_status code;

	for (size_t i = 0; i < order->count; i++)
		secret_hide(&order->secrets[i]);
	code = load_those(order, true);
	return code == EXIT_NOT_YET ? load_those(order, false) : code;
}

static void forget_secrets(const struct order *order)
{
	for (size_t i = 0; i < order->count; i++)
		secret_forget(&order->secrets[i]);
}

static bool has_paths_of_reader(const struct order *order)
{
	return order->self_paths || order->harden & HARDEN_DUMP;
}

static enum exit_status make_inheritable(const struct order *order)
{
	/* A program that has files needs no descriptors, nor does one whose paths lead to those of its parent. */
	bool elsewhere = order->on_update.wanted && !has_paths_of_reader(order);
	bool needed = (order->files == NULL && !elsewhere) || order->ways & PASS_LISTEN;
	int err = order->directory >= 0 && !elsewhere ? descriptor_keep(order->directory) : 0;

	for (size_t i = 0; i < order->count && err >= 0; i++)
		err = needed ? descriptor_keep(order->secrets[i].fd) : 0;
	return err < 0 ? pass_complain("pass the secrets", err) : EXIT_NOT_YET;
}

/* No other process can open the descriptors of an undumpable program, not even its children. */
static enum exit_status choose_paths(const struct order *order, struct paths *paths)
{
	int err = has_paths_of_reader(order) ? 0 : paths_of_program(paths);

	return err < 0 ? complain("run", EXIT_OURS,
				  "cannot read the link /proc/self: %s: mount /proc",
				  strerror(-err))
		       : EXIT_NOT_YET;
}

/* The commands that are sources run before, so that they see what the caller sees. */
static enum exit_status make_files(const struct order *order, struct files_place *place,
				   struct handover *handover)
{
	const struct files_order files = {
		.directory = order->files,
		.secrets = order->secrets,
		.count = order->count,
		.terms = &order->terms,
		.inherit = order->ways & PASS_DIRECTORY,
		.hidden = order->harden & HARDEN_DUMP,
	};

	if (order->files == NULL)
		return EXIT_NOT_YET;
	handover->files = place->path;
	return files_make(place, &files);
}

/* One file is examined for both, and it is the one that is executed. */
static enum exit_status preload(const struct order *order, struct preload_subject *subject)
{
	enum exit_status code = EXIT_NOT_YET;

	if (order->secret_heap != NULL || order->image != NULL)
		code = preload_find_subject(subject, order->argv[0]);
	if (code == EXIT_NOT_YET && order->secret_heap != NULL)
		code = secret_heap_prepare(subject, order->secret_heap);
	if (code == EXIT_NOT_YET && order->image != NULL)
		code = image_prepare(subject, order->image, order->harden & HARDEN_DUMP);
	return code;
}

static enum exit_status execute(const struct order *order)
{
	CLEANUP(preload_subject_close) struct preload_subject subject = PRELOAD_SUBJECT_NONE;
	enum exit_status code = harden_process(order->harden);

	if (code == EXIT_NOT_YET)
		code = preload(order, &subject);
	if (code != EXIT_NOT_YET)
		return code;
	if (order->harden & HARDEN_DUMP)
		return execute_undumpable(&subject.program, "run", order->argv);
	if (subject.program.path != NULL)
		return program_execute_path(&subject.program, "run", order->argv);
	return program_execute_by_name("run", order->argv);
}

/* The program, and what it receives. */
struct launch {
	const struct order *order;
	struct handover handover;
	struct files_place place;
	pid_t supervisor; /* the parent of the program, or 0 if it replaces this process */
};

static enum exit_status hand_over(struct launch *launch, unsigned ways)
{
	enum exit_status code = make_files(launch->order, &launch->place, &launch->handover);

	if (code == EXIT_NOT_YET)
		code = pass_secrets(&launch->handover, ways);
	return code == EXIT_NOT_YET ? make_inheritable(launch->order) : code;
}

/* The directory of credentials is filled once; its entries lead to what is newest. Everything else is the child's own. */
static unsigned ways_once(const struct order *order)
{
	return order->files == NULL ? order->ways & PASS_DIRECTORY : 0;
}

/* Late, because the kernel forgets it when a process enters a user namespace. The parent may have ended before. */
static void end_with_parent(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
	if (getppid() != parent)
		_exit(EXIT_OURS);
}

static enum exit_status start_child(void *data)
{
	struct launch *launch = data;
	const struct order *order = launch->order;
	int err = pass_inherited_to_child();
	enum exit_status code = err < 0 ? pass_complain("pass the secrets", err)
					: hand_over(launch, order->ways & ~ways_once(order));

	if (code != EXIT_NOT_YET)
		return code;
	end_with_parent(launch->supervisor);
	return execute(order);
}

/* The paths of the program lead to this process, so others of its user must be allowed to open them. */
static enum exit_status stay(struct launch *launch)
{
	const struct order *order = launch->order;
	const struct supervision supervision = { order->on_update, order->secrets, order->count,
						 &order->terms,	   start_child,	   launch };
	enum exit_status code = pass_secrets(&launch->handover, ways_once(order));

	if (code != EXIT_NOT_YET)
		return code;
	if (!(order->harden & HARDEN_DUMP))
		unharden_self();
	launch->supervisor = sys_getpid();
	return supervise(&supervision);
}

static enum exit_status load_and_start(const struct order *order)
{
	struct launch launch = { .order = order,
				 .handover = { order->secrets, order->count, order->argv,
					       order->directory, PATHS_OF_READER, NULL } };
	enum exit_status code = load_secrets(order);

	forget_secrets(order);
	if (code == EXIT_NOT_YET)
		code = choose_paths(order, &launch.handover.paths);
	if (code == EXIT_NOT_YET && order->on_update.wanted)
		return stay(&launch);
	if (code == EXIT_NOT_YET)
		code = hand_over(&launch, order->ways);
	return code == EXIT_NOT_YET ? execute(order) : code;
}

/* Without a secret there is nothing to read before the program starts. */
static enum exit_status harden(const struct order *order)
{
	if (!(order->harden & HARDEN_DUMP))
		return EXIT_NOT_YET;
	return order->count > 0 ? become_undumpable("run", order->own) : forbid_tracing("run");
}

/* The commands that are sources must not look at this process either, whether or not somebody may look at
 * the program later. */
static enum exit_status deliver(struct order *order)
{
	enum exit_status code = prepare(order);

	harden_self();
	return code == EXIT_NOT_YET ? load_and_start(order) : code;
}

enum exit_status order_start(struct order *order)
{
	enum exit_status code = harden(order);

	if (code == EXIT_NOT_YET)
		code = order->count > 0 ? deliver(order) : execute(order);
	if (HARDEN_NEEDS_TRACING)
		unharden_self();
	return code;
}

/* SPDX-License-Identifier: MIT */

/*
 * --watch. Files are replaced in many ways: written in place, renamed over, or by a symbolic link that leads to another
 * place, anywhere on the path (Kubernetes swaps the link ..data of a volume). So each directory on the way is watched, for
 * the one name in it that the path takes. Other names in these directories wake this process, and no more.
 *
 * A regular file that appears is not read before somebody has written and closed it: it would be read by half.
 */

#include "tools/serve/watch.h"

#include "tools/common/clock.h"
#include "lib/util.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* So long others have time to change what belongs together. */
#define SETTLE 200

/* As the kernel allows on a path. */
#define LINKS 40

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR)

/* A name in a directory, which the path of a file takes. */
struct watched {
	int directory; /* its number, as inotify(7) counts */
	size_t file;
	char *path; /* of the name */
};

/* How far a path was followed: a directory without symbolic links, and what is left. */
struct walk {
	char at[PATH_MAX], rest[PATH_MAX];
	int links;
};

static const char *last_part(const char *path)
{
	return strrchr(path, '/') + 1;
}

static bool join(char to[PATH_MAX], const char *a, const char *b)
{
	char joined[PATH_MAX];
	int length = snprintf(joined, sizeof(joined), "%s/%s", a, b);

	if (length < 0 || (size_t)length >= sizeof(joined))
		return false;
	memcpy(to, joined, (size_t)length + 1);
	return true;
}

static int add(struct watch *watch, const char *directory, const char *name, size_t file)
{
	char path[PATH_MAX];
	int number = inotify_add_watch(watch->fd, directory, EVENTS);

	if (number < 0)
		return -errno;
	if (!join(path, directory, name))
		return -ENAMETOOLONG;
	if (watch->count == watch->room) {
		watch->room = watch->room > 0 ? 2 * watch->room : 16;
		watch->entries =
			need(reallocarray(watch->entries, watch->room, sizeof(*watch->entries)));
	}
	watch->entries[watch->count++] =
		(struct watched){ .directory = number, .file = file, .path = need(strdup(path)) };
	return 0;
}

/* Goes on with what the link says. */
static bool follow(struct walk *walk, const char *link)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length <= 0 || ++walk->links > LINKS)
		return false;
	target[length] = '\0';
	if (*target == '/')
		strcpy(walk->at, "/");
	return join(walk->rest, target, walk->rest);
}

/* One name of the path. Whether there is more. */
static bool step(struct watch *watch, struct walk *walk, size_t file, int *ret_err)
{
	char name[PATH_MAX], path[PATH_MAX];
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");
	struct stat found;

	memcpy(name, start, length);
	name[length] = '\0';
	memmove(walk->rest, start + length, strlen(start + length) + 1);
	if (length == 0 || strcmp(name, ".") == 0)
		return length > 0;
	*ret_err = add(watch, walk->at, name, file);
	if (*ret_err < 0 || !join(path, walk->at, name) || lstat(path, &found) < 0)
		return false;
	if (S_ISLNK(found.st_mode))
		return follow(walk, path);
	strcpy(walk->at, path);
	return S_ISDIR(found.st_mode);
}

/* As far as the path leads. What is missing is watched for. */
static int watch_path(struct watch *watch, const char *path, size_t file)
{
	struct walk walk = { .links = 0 };
	int err = 0;

	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	strcpy(walk.at, *path == '/' ? "/" : ".");
	strcpy(walk.rest, path);
	while (step(watch, &walk, file, &err))
		;
	/* A directory that nobody may read, or that has gone meanwhile, is where the watch ends. */
	return err == -EACCES || err == -ENOENT || err == -ENOTDIR ? 0 : err;
}

void watch_end(struct watch *watch)
{
	close_fd(watch->fd);
	for (size_t i = 0; i < watch->count; i++)
		free(watch->entries[i].path);
	free(watch->entries);
	free(watch->changed);
	*watch = WATCH_NONE;
}

int watch_begin(struct watch *watch, const struct offer *offers, size_t count)
{
	CLEANUP(watch_end)
	struct watch next = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
			      .changed = need(calloc(count, sizeof(*next.changed))),
			      .files = count };
	struct watch before = *watch;
	int err = next.fd < 0 ? -errno : 0;

	for (size_t i = 0; i < count && err == 0; i++)
		err = watch_path(&next, offers[i].path, i);
	if (err < 0)
		return err;
	*watch = next;
	next = before;
	return 0;
}

static void note_change(struct watch *watch, size_t file)
{
	watch->changed[file] = true;
	if (watch->due == 0)
		watch->due = clock_milliseconds() + SETTLE;
}

/* Whether a name that has appeared is more than a file that somebody is about to write. */
static bool is_complete(const char *path)
{
	struct stat found;

	return lstat(path, &found) == 0 && (!S_ISREG(found.st_mode) || found.st_nlink > 1);
}

static void note_event(struct watch *watch, const struct inotify_event *event)
{
	bool all = event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT);

	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *entry = &watch->entries[i];
		bool same = event->wd == entry->directory && event->len > 0 &&
			    strcmp(event->name, last_part(entry->path)) == 0;

		if (all || (same && (!(event->mask & IN_CREATE) || is_complete(entry->path))))
			note_change(watch, entry->file);
	}
}

void watch_note(struct watch *watch)
{
	char events[1 << 12] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;

	while ((got = sys_read(watch->fd, events, sizeof(events))) > 0) {
		const char *at = events;

		while (at < events + got) {
			const struct inotify_event *event = (const void *)at;

			note_event(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
}

int watch_timeout(const struct watch *watch)
{
	int64_t left = watch->due - clock_milliseconds();

	if (watch->due == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

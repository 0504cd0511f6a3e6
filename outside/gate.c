/* SPDX-License-Identifier: MIT */

#include "outside/gate.h"

#include "lib/util.h"

#include <linux/fanotify.h>

static int answer(long result)
{
	return result == -1 ? -errno : (int)result;
}

/* An event that finds the queue full would be let go unasked. The number of a thread and not of its process, because any
 * thread may execute a file. */
int gate_open(void)
{
	return answer(syscall(SYS_fanotify_init,
			      FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
				      FAN_REPORT_TID,
			      O_RDONLY | O_CLOEXEC | O_LARGEFILE));
}

/* Not the mount: each mount namespace has mounts of its own, and services have namespaces. Not the file: an upgrade puts
 * another one in its place. */
int gate_watch(int gate, const char *path)
{
	return answer(syscall(SYS_fanotify_mark, gate, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			      (uint64_t)FAN_OPEN_EXEC_PERM, AT_FDCWD, path));
}

ssize_t gate_read(int gate, struct gate_event ret[GATE_EVENTS])
{
	struct fanotify_event_metadata events[GATE_EVENTS];
	int64_t size = sys_read(gate, (void *)events,
				sizeof(events)); /* as wide: the macro subtracts from it */
	ssize_t count = 0;
	struct fanotify_event_metadata *event = events; /* not const: the macro takes that away */

	for (; size > 0 && FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
		if (event->vers != FANOTIFY_METADATA_VERSION)
			return -EPROTO;
		if (event->fd >= 0)
			ret[count++] = (struct gate_event){ event->fd, event->pid };
	}
	return size < 0 ? (ssize_t)size : count;
}

int gate_answer(int gate, int file, bool allow)
{
	const struct fanotify_response response = { file, allow ? FAN_ALLOW : FAN_DENY };
	ssize_t written = sys_write(gate, &response, sizeof(response));

	return written < 0 ? (int)written : 0;
}

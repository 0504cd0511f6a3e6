/* SPDX-License-Identifier: MIT */

/*
 * The text of /proc/PID/fdinfo, which differs by kind of file: file systems and drivers add lines of their own, and
 * some of these lines quote a text that a process has chosen.
 */

#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "audit/fdinfo.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* Of exactly this size, so that a sanitizer sees a read past it. */
	char *text = malloc(size + 1);
	struct fdinfo info = { .writable = true, .file.inode = 7 };
	int err;

	PROMISE(text != NULL);
	if (size > 0)
		memcpy(text, bytes, size);
	text[size] = '\0';
	err = fdinfo_parse(&info, text);
	PROMISE(err == 0 || err == -EBADMSG);
	PROMISE(err == 0 || (info.writable && info.file.inode == 7));
	PROMISE(err != 0 || strstr(text, "flags:") != NULL);
	free(text);
	return 0;
}

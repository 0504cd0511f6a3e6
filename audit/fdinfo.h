/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_FDINFO_H
#define SEALMEM_AUDIT_FDINFO_H

#include "audit/mapping.h"

/* One file of /proc/PID/fdinfo. */
struct fdinfo {
	bool writable; /* opened with O_WRONLY or O_RDWR */
	struct file_id
		file; /* zeroes if the kernel does not say: it gives the inode from Linux 5.14
				on, and only recorded trees give the device */
};

/* -EBADMSG if there is no line "flags:". */
int fdinfo_parse(struct fdinfo *ret, const char *text);

#endif

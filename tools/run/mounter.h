/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_MOUNTER_H
#define SEALMEM_TOOLS_RUN_MOUNTER_H

/* Makes an empty file system that exists as long as a process has its descriptor open. Returns the
 * descriptor, closed on exec, or a negative errno. */
int mounter_make(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_LAUNCH_HARDEN_H
#define SEALMEM_TOOLS_LAUNCH_HARDEN_H

#include "tools/common/errors.h"

#include <stdbool.h>

/* Rights that the program starts without, as a set of bits. */
#define HARDEN_DUMP	     0x1u
#define HARDEN_NEW_PRIVS     0x2u
#define HARDEN_WRITE_EXECUTE 0x4u

/* Returns 0 if this kernel can forbid mappings that are writable and executable, or become executable; or a
 * negative errno. */
int harden_try_write_execute(void);

/* The value of fs.suid_dumpable, or a negative errno. */
int harden_suid_dumpable(void);

/* Applies the rights that belong to the process and survive execve(2): all but HARDEN_DUMP. */
enum exit_status harden_process(unsigned set);

/* Forbids other processes of the same user to read or trace this one. A tracer that is there already stays,
 * and so does memory that another process has opened. */
void harden_self(void);

/* Undoes harden_self(). */
void unharden_self(void);

/* Whether harden_self(), or the kernel when it executed this program, has forbidden it. */
bool harden_is_in_force(void);

/* LeakSanitizer traces the process that it examines. Only a build for tests has it. */
#if defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define HARDEN_NEEDS_TRACING true
# endif
#endif
#ifdef __SANITIZE_ADDRESS__
# define HARDEN_NEEDS_TRACING true
#endif
#ifndef HARDEN_NEEDS_TRACING
# define HARDEN_NEEDS_TRACING false
#endif

#endif

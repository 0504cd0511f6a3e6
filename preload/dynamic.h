/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_DYNAMIC_H
#define SEALMEM_PRELOAD_DYNAMIC_H

#include <link.h>
#include <stdbool.h>

/* The dynamic section of the object in which an address lies, or NULL: what dladdr1(3) of glibc leads to, for any C
 * library. The object must not be unloaded meanwhile. */
const ElfW(Dyn) * dynamic_of(const void *address);

/* Whether the section has such an entry, with all of these bits in its value. */
bool dynamic_has(const ElfW(Dyn) * dynamic, ElfW(Sxword) tag, ElfW(Xword) bits);

#endif

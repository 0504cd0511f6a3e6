/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_KERNEL_H
#define SEALMEM_TESTS_SUPPORT_KERNEL_H

/*
 * The constants of the kernel that only tests need and that the system headers may be too old to have. What the library
 * or the attacks need too is in lib/sys.h.
 */

#include "lib/sys.h"

#include <linux/userfaultfd.h>
#include <sys/prctl.h>

#ifndef SO_PASSPIDFD
# define SO_PASSPIDFD 76
#endif
#ifndef UFFD_USER_MODE_ONLY
# define UFFD_USER_MODE_ONLY 1
#endif
#ifndef PR_SET_VMA
# define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
# define PR_SET_VMA_ANON_NAME 0
#endif

#endif

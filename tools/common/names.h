/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_NAMES_H
#define SEALMEM_TOOLS_COMMON_NAMES_H

/* Why a text is no name for a secret, or for what is served; NULL if it is one. */
const char *name_fault(const char *name);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_OWNER_H
#define SEALMEM_TOOLS_RUN_OWNER_H

#include "tools/common/accounts.h"
#include "tools/common/errors.h"

/* Parses "USER[:GROUP]", each a name or a number: whom a secret belongs to. */
enum exit_status owner_parse(struct owner *ret, const char *text);

#endif

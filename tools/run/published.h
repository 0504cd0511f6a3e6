/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_PUBLISHED_H
#define SEALMEM_TOOLS_RUN_PUBLISHED_H

#include "tools/run/secret.h"

/* Parses "SOCKET:NAME[=ALIAS]": what another process serves, such as `sealmem serve`. The program finds it like a secret. */
enum exit_status published_parse(struct secret *ret, const char *text);

#endif

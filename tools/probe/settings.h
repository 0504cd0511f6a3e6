/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_PROBE_SETTINGS_H
#define SEALMEM_TOOLS_PROBE_SETTINGS_H

#include "tools/probe/setting.h"

size_t settings_count(void);

void settings_read(struct setting *ret, size_t index);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_OTHERS_H
#define SEALMEM_BATTERY_OTHERS_H

#include "scene.h"

/* What root does as well, from further away. */
int others_write_mem(struct scene *scene);
int others_read_mem(struct scene *scene);

#endif

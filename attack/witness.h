/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_WITNESS_H
#define SEALMEM_ATTACK_WITNESS_H

#include "attack/scene.h"

/* A seed that no earlier trial had. */
uint64_t witness_seed(void);

/* Writes the pattern into open memory. */
void witness_fill(const struct scene *scene);

/* Whether these bytes begin as the pattern does. */
bool witness_recognises(const struct scene *scene, const char *bytes, size_t size);

/* Looks at the memory in the process that owns it, and returns what happened to it. */
enum outcome witness_say(const struct attack *attack, struct scene *scene);

#endif

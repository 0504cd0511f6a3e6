/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_TRACER_H
#define SEALMEM_ATTACK_TRACER_H

#include "attack/scene.h"

#include <sys/ptrace.h>
#include <sys/uio.h>

/* Stops the victim under ptrace(2), with these PTRACE_O_ options. */
int tracer_attach(struct scene *scene, unsigned long options);

/* Lets it run again, as the end of the tracer does. */
void tracer_detach(struct scene *scene);

/* Makes the stopped victim carry out a system call. Returns its value, or a negative errno. */
long tracer_call(struct scene *scene, long number, const unsigned long arguments[6]);

/* Several families have this attack. */
int tracer_poke_data(struct scene *scene);

#endif

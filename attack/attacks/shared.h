/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_ATTACKS_SHARED_H
#define SEALMEM_ATTACK_ATTACKS_SHARED_H

/* Attacks and parts of attacks that several families use. */

#include "attack/scene.h"

/* Zeroed memory that lasts from before() to run(), as scene->kept. */
void *keep(struct scene *scene, size_t size);

/* An evil word, or a look, through /proc/PID/mem. */
int write_mem(struct scene *scene);
int read_mem(struct scene *scene);

/* An evil word by process_vm_writev(2). */
int write_vm(struct scene *scene);

/* Makes the memory writable, then stores. */
int unprotect_and_store(struct scene *scene);

/* Undoes MADV_GUARD_INSTALL. */
void remove_guards(struct scene *scene);

/* Opens the file of the mapping under /proc/PID/map_files; -ENODEV if it has none. */
int open_mapping(struct scene *scene, int flags);

/* Reads the file by a mapping, because some files refuse read(2). */
int read_file(struct scene *scene, int fd);

#endif

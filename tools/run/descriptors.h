/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_DESCRIPTORS_H
#define SEALMEM_TOOLS_RUN_DESCRIPTORS_H

/* Each function that moves or keeps a descriptor returns 0 or a negative errno. */

#include <stdbool.h>

/* The first descriptor that is not a standard one. */
#define FIRST_DESCRIPTOR 3

/* The first descriptor that scripts do not open by its number: a shell needs to know one digit only. */
#define FIRST_UNUSUAL 10

/* Whether the program would inherit the descriptor. */
bool descriptor_is_inherited(int fd);

/* Moves a descriptor to a number that is at least `end`. Afterwards it is closed on exec. */
int descriptor_move_past(int *fd, int end);

/* Moves a descriptor to that number, and closes the one that is there. Afterwards it is closed on exec. */
int descriptor_move_to(int *fd, int number);

/* Lets the program inherit the descriptor. */
int descriptor_keep(int fd);

#endif

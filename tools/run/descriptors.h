/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_DESCRIPTORS_H
#define SEALMEM_DESCRIPTORS_H

#include <stddef.h>

/* Descriptors from here on are anybody's. */
#define FIRST_DESCRIPTOR 3

/* Whether the program that is executed would inherit it. */
int descriptor_is_inherited(int fd);

/* Moves a descriptor out of the range that ends before `end`. It is closed on exec afterwards. */
int descriptor_move_behind(int *fd, int end);

/* Moves a descriptor to that number, closing what is there. It is closed on exec afterwards. */
int descriptor_move_to(int *fd, int number);

/* Lets the program inherit it. */
int descriptor_keep(int fd);

#endif

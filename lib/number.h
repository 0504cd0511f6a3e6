/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_NUMBER_H
#define SEALMEM_NUMBER_H

#include <stdint.h>

/*
 * Reads a decimal number from a small file of /proc: the field `n` of its text, counted from 1. What precedes the end
 * of a name in parentheses, and the name, count as one field. -errno of open(2) or read(2), -EBADMSG.
 */
int number_read(const char *path, int n, uint64_t *ret);

#endif

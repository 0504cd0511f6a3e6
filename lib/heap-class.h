/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_HEAP_CLASS_H
#define SEALMEM_LIB_HEAP_CLASS_H

#include <stddef.h>

/*
 * The sizes of slots. Each is a multiple of 16, so that every C type fits, and has room for an object and at least
 * HEAP_CANARY bytes after it. The steps are such that HEAP_SLACK_MAX bytes or fewer are left over.
 */
#define HEAP_CLASSES   47
#define HEAP_ALIGNMENT 16
#define HEAP_CANARY    8
#define HEAP_SLOT_MIN  32
#define HEAP_SLOT_MAX  2048
#define HEAP_SLACK_MAX 127

/* The largest object that shares its pages with others. */
#define HEAP_SMALL_MAX (HEAP_SLOT_MAX - HEAP_CANARY)

/* The class for an object of `size` bytes, HEAP_SMALL_MAX at most. */
unsigned heap_class_of(size_t size);

/* How large a slot of the class is. */
size_t heap_class_slot(unsigned class);

#endif

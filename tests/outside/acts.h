/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_OUTSIDE_ACTS_H
#define SEALMEM_TESTS_OUTSIDE_ACTS_H

/* Parts of the image of this program, each a page of its own. */
enum part { PART_RELRO, PART_TEXT, PART_CONSTANTS, PARTS };

/* What an intruder tries. */
enum act { ACT_PROTECT, ACT_MAP_OVER, ACT_UNMAP, ACT_MOVE, ACT_WRITE, ACTS };

extern const char *const part_names[PARTS];
extern const char *const act_names[ACTS];

/* Added to what act_try() returns, if the byte is another one afterwards. */
#define ACT_CHANGED 0x80

/* 0 if the act was done, or its errno. Only for a process that can do without the part afterwards. */
int act_try(enum part part, enum act act);

/* The same number every time, by calls through the relocated data. */
unsigned long act_compute(void);

#endif

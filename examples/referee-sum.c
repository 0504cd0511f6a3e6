/* SPDX-License-Identifier: MIT */

/* A plug-in for the referee: see referee.c. Build: cc -shared -fPIC -o sum.so referee-sum.c */

#include <stddef.h>
#include <stdint.h>

extern int64_t solve(const int64_t *numbers, size_t count);

int64_t solve(const int64_t *numbers, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += numbers[i];
	return sum;
}

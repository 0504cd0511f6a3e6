/* SPDX-License-Identifier: MIT */

/* Sizes and counts, as people write and read them. */

#include "tools/common/size.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool size_parse(size_t *ret, const char *text)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long number = strtoull(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
	int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;

	if (!isdigit((unsigned char)*text) || end[unit != NULL] != '\0' ||
	    number > (SIZE_MAX / 2) >> shift)
		return false;
	*ret = (size_t)number << shift;
	return true;
}

bool count_parse(unsigned *ret, const char *text, unsigned most)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != '\0' || number == 0 || number > most)
		return false;
	*ret = (unsigned)number;
	return true;
}

void size_print(FILE *out, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	double size = (double)bytes / 1024;
	size_t unit = 0;

	while (size >= 1024 && units[unit + 1] != '\0') {
		size /= 1024;
		unit++;
	}
	if (bytes % 1024 != 0 && bytes < 1024)
		(void)fprintf(out, "%" PRIu64, bytes);
	else
		(void)fprintf(out, unit > 0 && size < 100 ? "%.1f%c" : "%.0f%c", size, units[unit]);
}

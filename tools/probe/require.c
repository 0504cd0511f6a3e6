/* SPDX-License-Identifier: MIT */

/*
 * Some guarantees that a script needs, as yes or no. A program demands them together, and a limit such as RLIMIT_MEMLOCK may
 * be enough for each of them and not for all. So a requirement is met only if a region gets all of them at once.
 */

#include "tools/probe/require.h"

#include "include/sealmem.h"
#include "lib/util.h"

#include <stdio.h>
#include <string.h>

static unsigned guarantee_called(const char *name, size_t length)
{
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1) {
		const char *known = sealmem_guarantee_name(bit);

		if (strlen(known) == length && strncmp(known, name, length) == 0)
			return bit;
	}
	return 0;
}

const char *requirement_add(struct requirement *requirement, const char *names)
{
	for (;;) {
		size_t length = strcspn(names, ",");
		unsigned guarantee = guarantee_called(names, length);

		if (guarantee == 0)
			return names;
		requirement->guarantees |= guarantee;
		if (names[length] == '\0')
			return NULL;
		names += length + 1;
	}
}

/* Every region has CONTENT or SECRECY. */
static int try_together(unsigned guarantees)
{
	struct sealmem_region *region;
	int err;

	if (!(guarantees & SEALMEM_SECRECY))
		guarantees |= SEALMEM_CONTENT;
	err = sealmem_region_new_from(&region, "probe", "", 1, guarantees);
	if (err == 0)
		(void)sealmem_region_free(region);
	return err;
}

static bool is_missing(const struct requirement *requirement, const struct verdict *verdict)
{
	return (requirement->guarantees & verdict->guarantee) && verdict->error != 0;
}

static size_t count_missing(const struct requirement *requirement, const struct verdict *verdicts)
{
	size_t count = 0;

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1, verdicts++)
		count += is_missing(requirement, verdicts);
	return count;
}

void requirement_judge(struct requirement *requirement, const struct verdict *verdicts)
{
	int err = 0;

	requirement->met = count_missing(requirement, verdicts) == 0;
	if (requirement->met)
		err = try_together(requirement->guarantees);
	if (err < 0) {
		requirement->met = false;
		verdict_explain(&requirement->together, SEALMEM_CONTENT, err);
	}
}

static void names_print(unsigned guarantees)
{
	const char *between = "";

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1) {
		if (!(guarantees & bit))
			continue;
		(void)printf("%s%s", between, sealmem_guarantee_name(bit));
		between = ", ";
	}
}

static void reason_print(const struct verdict *verdict)
{
	(void)printf(" (%s)", verdict->why);
	if (*verdict->todo != '\0')
		(void)printf(": %s", verdict->todo);
}

static void missing_print(const struct requirement *requirement, const struct verdict *verdicts)
{
	const char *between = "missing: ";

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1, verdicts++) {
		if (!is_missing(requirement, verdicts))
			continue;
		(void)printf("%s%s", between, sealmem_guarantee_name(bit));
		reason_print(verdicts);
		between = "; ";
	}
}

void requirement_print(const struct requirement *requirement, const struct verdict *verdicts)
{
	if (requirement->met) {
		(void)fputs("available: ", stdout);
		names_print(requirement->guarantees);
	} else if (requirement->together.error != 0) {
		(void)fputs("missing: ", stdout);
		names_print(requirement->guarantees);
		(void)fputs(" at once", stdout);
		reason_print(&requirement->together);
	} else {
		missing_print(requirement, verdicts);
	}
	(void)puts("");
}

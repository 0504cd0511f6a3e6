/* SPDX-License-Identifier: MIT */

/*
 * Reaching memory that is closed while nobody uses it. A load by accident is refused. Code that an attacker makes the
 * program execute is not: the instruction that opens memory with a protection key is open to all code.
 */

#include "attack/families.h"
#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/key.h"
#include "lib/util.h"

static void copy_loot(void *argument)
{
	struct scene *scene = argument;

	steal(scene, scene->data, sizeof(scene->loot));
}

static int load(struct scene *scene)
{
	return guarded(copy_loot, scene);
}

static int write_out(struct scene *scene)
{
	char loot[sizeof(scene->loot)];
	int ends[2];
	long got = sys_pipe(ends);

	if (got == 0)
		got = attempt(SYS_write, ends[1], scene->data, sizeof(loot));
	if (got > 0)
		got = attempt(SYS_read, ends[0], loot, sizeof(loot));
	if (got > 0)
		steal(scene, loot, (size_t)got);
	return refusal(got);
}

/* The instruction does not exist where the kernel has not switched keys on. */
static int open_every_key(struct scene *scene)
{
	if (!keys_exist())
		return not_applicable(scene, "no protection keys");
	key_set_rights(0);
	return load(scene);
}

static const struct attack rows[] = {
	{
		.name = "load",
		.summary = "an ordinary load",
		.target = TARGET_ACCESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.run = load,
	},
	{
		.name = "write-out",
		.summary = "make the kernel write it to a pipe",
		.target = TARGET_ACCESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "write",
		.run = write_out,
	},
	{
		.name = "wrpkru",
		.summary = "execute the instruction that gives a thread all keys, load",
		.target = TARGET_ACCESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "none (WRPKRU)",
		.run = open_every_key,
		.gaps = GAP_ANY,
		.gap_reason = "code that an attacker makes the program execute can open it",
	},
};

FAMILY(closed, rows);

/* SPDX-License-Identifier: MIT */

/*
 * Which files may be opened without a second thought, and whether /proc shows every process. A file system in user space
 * (FUSE) or on another machine may never answer, and a hostile process may map a file of one. So the audit
 * trusts the device of a file only if its own mounts say that it is a disk or memory. It does not ask the file system
 * itself, which would have to answer.
 */

#include "audit/mounts.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static const char *const local_types[] = {
	"bcachefs", "btrfs",	"devtmpfs",  "erofs",	"exfat", "ext2",  "ext3",
	"ext4",	    "f2fs",	"hugetlbfs", "iso9660", "jfs",	 "ntfs3", "ramfs",
	"rootfs",   "squashfs", "tmpfs",     "vfat",	"xfs",	 "zfs",
};

/* "ext4 /dev/vda rw": what follows the separator. */
struct details {
	const char *type, *options;
};

static bool is_local(const struct details *details)
{
	for (size_t i = 0; i < sizeof(local_types) / sizeof(*local_types); i++)
		if (strcmp(details->type, local_types[i]) == 0)
			return true;
	return false;
}

/* Kernels from before 5.8 print a number. */
static bool hides_processes(const struct details *details)
{
	static const char *const words[] = { "hidepid=invisible", "hidepid=ptraceable", "hidepid=2",
					     "hidepid=4" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(details->type, "proc") == 0 && strstr(details->options, words[i]))
			return true;
	return false;
}

static int add(dev_t **devices, size_t *count, dev_t device)
{
	dev_t *more = reallocarray(*devices, *count + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	*devices = more;
	more[(*count)++] = device;
	return 0;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static bool parse(char *line, dev_t *ret_device, struct details *ret)
{
	char *rest = strstr(line, " - "), *type, *after = NULL;
	unsigned high, low;

	/* Neither number is longer than an int. */
	/* NOLINTNEXTLINE(cert-err34-c) */
	if (rest == NULL || sscanf(line, "%*d %*d %u:%u ", &high, &low) != 2)
		return false;
	type = strtok_r(rest + 3, " \n", &after);
	if (type == NULL || strtok_r(NULL, " \n", &after) == NULL)
		return false;
	*ret = (struct details){ type, after };
	*ret_device = makedev(high, low);
	return true;
}

static int add_line(struct mounts *mounts, char *line)
{
	struct details details;
	dev_t device;
	int err = 0;

	if (!parse(line, &device, &details))
		return 0;
	if (is_local(&details))
		err = add(&mounts->local, &mounts->count, device);
	if (err == 0 && hides_processes(&details))
		err = add(&mounts->hiding, &mounts->hiding_count, device);
	return err;
}

static void free_line(char **line)
{
	free(*line);
}

int mounts_read(struct mounts *ret, FILE *in)
{
	CLEANUP(mounts_free) struct mounts mounts = { 0 };
	CLEANUP(free_line) char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (err == 0 && getline(&line, &room, in) >= 0)
		err = add_line(&mounts, line);
	if (err < 0 || ferror(in))
		return err < 0 ? err : -EIO;
	*ret = mounts;
	mounts = (struct mounts){ 0 };
	return 0;
}

static bool has(const dev_t *devices, size_t count, dev_t device)
{
	for (size_t i = 0; i < count; i++)
		if (devices[i] == device)
			return true;
	return false;
}

bool mounts_are_local(const struct mounts *mounts, dev_t device)
{
	return has(mounts->local, mounts->count, device);
}

bool mounts_hide_processes(const struct mounts *mounts, dev_t device)
{
	return has(mounts->hiding, mounts->hiding_count, device);
}

void mounts_free(struct mounts *mounts)
{
	free(mounts->local);
	free(mounts->hiding);
	*mounts = (struct mounts){ 0 };
}

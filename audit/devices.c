/* SPDX-License-Identifier: MIT */

/*
 * Memory that the kernel keeps in a file, although the process has mapped none. MAP_SHARED with MAP_ANONYMOUS, shmget(2),
 * memfd_create(2), and everything with MAP_HUGETLB has a device, an inode and a name in /proc/PID/maps, as a
 * file on a disk has. Anybody can give a file such a name. But the kernel makes these files in file systems that
 * nobody else can mount: one for pages of the usual size, and one for each size of huge pages. Their devices are
 * found out here, by making a memfd of each size.
 */

#include "audit/devices.h"

#include "audit/lines.h"

#include "lib/trial.h"
#include "lib/util.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SHM_NAME "/SYSV"

static dev_t device_of(int fd)
{
	struct stat status;
	dev_t device = fd >= 0 && fstat(fd, &status) == 0 ? status.st_dev : 0;

	(void)close_fd(fd);
	return device;
}

/* Whether the errno says that this kernel has no huge pages of a size. */
static bool has_no_such_pages(int err)
{
	return err == ENODEV || err == ENOENT || err == EINVAL || err == ENOSYS;
}

static void add_huge(struct devices *devices, unsigned shift)
{
	int fd = memfd_create("", MFD_CLOEXEC | MFD_HUGETLB | shift << MAP_HUGE_SHIFT);
	bool failed = fd < 0 && !has_no_such_pages(errno);
	dev_t device = device_of(fd);

	if (device != 0 && devices->huge_count < HUGE_DEVICES)
		devices->huge[devices->huge_count++] = device;
	else if (failed || device != 0)
		devices->huge_known = false;
}

/* From 16 KiB to 16 GiB: it takes no page to make an empty file. */
static void find_huge(struct devices *devices)
{
	devices->huge_known = true;
	for (unsigned shift = 14; shift <= 34; shift++)
		add_huge(devices, shift);
}

void devices_find(struct devices *ret)
{
	struct devices devices = { 0 };

	trial_learn(TRIAL_MEMFD_SECRET);
	devices.secret = device_of(trial_memfd_secret());
	devices.memory = device_of(memfd_create("", MFD_CLOEXEC));
	find_huge(&devices);
	*ret = devices;
}

bool is_huge_device(const struct devices *devices, dev_t device)
{
	for (size_t i = 0; i < devices->huge_count; i++)
		if (devices->huge[i] == device)
			return true;
	return false;
}

bool is_kernels_device(const struct devices *devices, dev_t device)
{
	if (device == 0)
		return false;
	if ((devices->memory != 0 && device == devices->memory) || is_huge_device(devices, device))
		return true;
	return (devices->memory == 0 || !devices->huge_known) && major(device) == 0;
}

/* Only a file in the kernel's own file systems, or of another machine, may be known by its name. */
static bool has_name(const struct devices *devices, const struct memory *memory, const char *name)
{
	return is_kernels_device(devices, memory->file.device) && begins_with(memory->name, name);
}

bool is_memfd(const struct devices *devices, const struct memory *memory)
{
	return has_name(devices, memory, MEMFD_NAME);
}

bool is_secret(const struct devices *devices, const struct memory *memory)
{
	if (!begins_with(memory->name, SECRET_NAME) || memory->file.device == 0)
		return false;
	return devices->recorded ? major(memory->file.device) == 0
				 : memory->file.device == devices->secret;
}

bool is_shm(const struct devices *devices, const struct memory *memory)
{
	return has_name(devices, memory, SHM_NAME);
}

bool is_without_file(const struct devices *devices, const struct memory *memory)
{
	/* A process can choose the name in the brackets, and the kernel writes them. */
	static const char *const names[] = { SHM_NAME, "/dev/zero (deleted)",
					     "/anon_hugepage (deleted)", "[anon_shmem:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (has_name(devices, memory, names[i]))
			return true;
	return !has_file(memory->file);
}

/* SPDX-License-Identifier: MIT */

/*
 * Reading secrets by ways that are not a process's own loads: a page put into a pipe, root's view of a
 * process, and the map of all physical memory that the kernel keeps for itself and shows root. Only
 * memory that has been taken out of that map is out of reach of the last one.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

/* From before() to run(). */
struct prepared {
	int reader;
};

/* The pipe holds the page itself, not a copy, and may belong to anybody. */
static int put_into_pipe(struct scene *scene)
{
	struct prepared *kept = calloc(1, sizeof(*kept));
	struct iovec page = { scene->data, scene->page };
	int ends[2];
	int err = kept != NULL ? sys_pipe(ends) : -ENOMEM;

	scene->kept = kept;
	if (err < 0)
		return err;
	kept->reader = ends[0];
	return refusal(attempt(SYS_vmsplice, ends[1], &page, 1L, SPLICE_F_GIFT));
}

static int read_pipe(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	char loot[sizeof(scene->loot)];
	long got = attempt(SYS_read, kept->reader, loot, sizeof(loot));

	if (got > 0)
		steal(scene, loot, (size_t)got);
	return refusal(got);
}

static int read_mapped(struct scene *scene)
{
	char name[64];
	struct place place;
	int err = place_find(&place, scene->pid, scene->data), fd;
	long there;

	if (err < 0)
		return err;
	(void)snprintf(name, sizeof(name), "map_files/%lx-%lx", place.start, place.end);
	fd = place.inode != 0 ? proc_open(scene->pid, name, O_RDONLY) : -ENODEV;
	if (fd < 0)
		return fd;
	there = attempt(SYS_mmap, NULL, scene->page, PROT_READ, MAP_SHARED, fd, 0L);
	close_fd(fd);
	if (there >= 0)
		steal(scene, pointer(there), sizeof(scene->loot));
	return refusal(there);
}

/* Where the first page of the memory is in the machine. */
static int physical_address(struct scene *scene, uint64_t *ret)
{
	const uint64_t present = 1ULL << 63, frame = (1ULL << 55) - 1;
	CLEANUP(close_fd_at) int fd = proc_open(scene->pid, "pagemap", O_RDONLY);
	size_t index = (uintptr_t)scene->data / scene->page;
	uint64_t entry = 0;
	long got = fd < 0 ? fd
			  : attempt(SYS_pread64, fd, &entry, sizeof(entry), index * sizeof(entry));

	if (got < 0)
		return (int)got;
	if (!(entry & present) || (entry & frame) == 0)
		return -ENXIO;
	*ret = (entry & frame) * scene->page;
	return 0;
}

/*
 * Which part of /proc/kcore shows a physical address: how many do, and where the first and the last one
 * have it. Memory that the kernel's image lies in has a part of its own, before that of all memory.
 */
static int find_in_kcore(int fd, uint64_t address, uint64_t ret[2])
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	long got = attempt(SYS_pread64, fd, &head, sizeof(head), 0L);
	int count = 0;

	if (got < (long)sizeof(head))
		return got < 0 ? (int)got : -EIO;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		got = attempt(SYS_pread64, fd, &part, sizeof(part),
			      head.e_phoff + i * sizeof(part));
		if (got != sizeof(part) || part.p_type != PT_LOAD || part.p_paddr > address ||
		    address - part.p_paddr >= part.p_memsz)
			continue;
		ret[count > 0] = part.p_offset + (address - part.p_paddr);
		count++;
	}
	if (count == 1)
		ret[1] = ret[0];
	return count > 0 ? count : -ENXIO;
}

static int read_kcore(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = sys_open("/proc/kcore", O_RDONLY);
	char loot[sizeof(scene->loot)];
	uint64_t address = 0, offsets[2] = { 0 };
	bool image = scene->argument != 0;
	long err = fd;

	if (fd == -ENOENT)
		return not_applicable(scene, "this kernel has no /proc/kcore");
	if (err >= 0)
		err = physical_address(scene, &address);
	if (err >= 0)
		err = find_in_kcore(fd, address, offsets);
	if (err == 1 && image)
		return not_applicable(scene, "the page is not where the kernel's image was");
	if (err >= 0)
		err = attempt(SYS_pread64, fd, loot, sizeof(loot), offsets[image ? 0 : 1]);
	if (err > 0)
		steal(scene, loot, (size_t)err);
	return refusal(err);
}

static int read_kcore_image(struct scene *scene)
{
#ifdef __x86_64__
	return read_kcore(scene);
#else
	/* Others take such memory out of the map of the image. */
	return not_applicable(scene, "x86-64 only");
#endif
}

static const struct attack rows[] = {
	{
		.name = "vmsplice-before",
		.summary = "put a page into a pipe before the seal, read the pipe after",
		.target = SECRECY,
		.vantage = BEFORE,
		.syscalls = "vmsplice SPLICE_F_GIFT, read",
		.before = put_into_pipe,
		.run = read_pipe,
	},
	{
		.name = "root-proc-mem-read",
		.summary = "read it in /proc/PID/mem",
		.target = SECRECY,
		.vantage = ROOT,
		.syscalls = "open, pread",
		.run = read_mem,
	},
	{
		.name = "map-files-read",
		.summary = "open the mapping under /proc/PID/map_files, map it, read",
		.target = SECRECY,
		.vantage = ROOT,
		.syscalls = "open, mmap",
		.run = read_mapped,
	},
	{
		.name = "kcore-read",
		.summary = "find its page in the machine, read it in /proc/kcore",
		.target = SECRECY,
		.vantage = ROOT,
		.syscalls = "open /proc/PID/pagemap, /proc/kcore, pread",
		.run = read_kcore,
	},
	{
		.name = "kcore-image-read",
		.summary = "the same, by the second map that the kernel has of its own image",
		.target = SECRECY,
		.vantage = ROOT,
		.syscalls = "open /proc/PID/pagemap, /proc/kcore, pread",
		.run = read_kcore_image,
		.argument = 1,
		.gaps = GAP_ANY,
		.gap_reason =
			"x86-64 gives memory of the kernel's image that start-up needed back for use, "
			"but keeps it mapped, and a secret page may lie there",
	},
};

FAMILY(readers, rows);

/* SPDX-License-Identifier: MIT */

/*
 * Reading secrets in other ways than by loads of the process: a page in a pipe, root's view of a
 * process, and the kernel's own map of all physical memory, which it shows to root. The last one
 * reaches all memory except memory that was taken out of that map.
 *
 * A pipe holds a reference to the page, not a copy. Several bugs of the kernel wrote to pages
 * through such a reference, and no seal stops the kernel. So the attacks with a pipe also ask
 * whether such a bug could reach the memory.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <elf.h>
#include <sys/uio.h>

/* From before() to run(). */
struct prepared {
	int reader;
};

/* The pipe holds the page itself, not a copy, and anybody may own the pipe. */
static int put_into_pipe(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));
	struct iovec page = { scene->data, scene->page };
	int ends[2];
	int err = sys_pipe(ends);

	if (err < 0)
		return err;
	kept->reader = ends[0];
	return refusal(attempt(SYS_vmsplice, ends[1], &page, 1L, SPLICE_F_GIFT));
}

/* The same by a descriptor of its file. */
static int splice_into_pipe(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));
	int fd = find_descriptor(scene), ends[2];
	int64_t from = 0;
	int err = fd < 0 ? fd : sys_pipe(ends);

	if (err < 0)
		return err;
	kept->reader = ends[0];
	return refusal(attempt(SYS_splice, fd, &from, ends[1], NULL, scene->page, 0));
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

static int put_into_pipe_and_read(struct scene *scene)
{
	int err = put_into_pipe(scene);

	return err < 0 ? err : read_pipe(scene);
}

static int splice_into_pipe_and_read(struct scene *scene)
{
	int err = splice_into_pipe(scene);

	return err < 0 ? err : read_pipe(scene);
}

static int read_mapped(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_mapping(scene, O_RDONLY);

	return fd < 0 ? fd : read_file(scene, fd);
}

/* The physical address of the first page of the memory. */
static int physical_address(struct scene *scene, uint64_t *ret)
{
	const uint64_t present = 1ULL << 63, frame = (1ULL << 55) - 1;
	CLEANUP(close_fd_at) int fd = proc_open(scene->pid, "pagemap", O_RDONLY);
	size_t index = (uintptr_t)scene->data / scene->page;
	uint64_t entry = 0;
	long got =
		fd < 0 ? fd : sys_pread(fd, &entry, sizeof(entry), (off_t)(index * sizeof(entry)));

	if (got < 0)
		return (int)got;
	if (!(entry & present) || (entry & frame) == 0)
		return -ENXIO;
	*ret = (entry & frame) * scene->page;
	return 0;
}

/* The table of parts in /proc/kcore. It has the words of the kernel, which may be longer than those of a program. */
struct kcore {
	int fd;
	bool wide;
	uint64_t table;
	unsigned count;
};

static int read_exactly(int fd, void *ret, size_t size, uint64_t from)
{
	ssize_t got = sys_pread(fd, ret, size, (off_t)from);

	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -EIO;
}

static int find_table(struct kcore *kcore)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr narrow;
		Elf64_Ehdr wide;
	} head;
	int err = read_exactly(kcore->fd, &head, sizeof(head), 0);

	if (err < 0)
		return err;
	kcore->wide = head.ident[EI_CLASS] == ELFCLASS64;
	kcore->table = kcore->wide ? head.wide.e_phoff : head.narrow.e_phoff;
	kcore->count = kcore->wide ? head.wide.e_phnum : head.narrow.e_phnum;
	return 0;
}

static int read_part(const struct kcore *kcore, unsigned index, Elf64_Phdr *ret)
{
	Elf32_Phdr part;
	int err;

	if (kcore->wide)
		return read_exactly(kcore->fd, ret, sizeof(*ret),
				    kcore->table + index * sizeof(*ret));
	err = read_exactly(kcore->fd, &part, sizeof(part), kcore->table + index * sizeof(part));
	if (err == 0)
		*ret = (Elf64_Phdr){ .p_type = part.p_type,
				     .p_offset = part.p_offset,
				     .p_paddr = part.p_paddr,
				     .p_memsz = part.p_memsz };
	return err;
}

/*
 * Finds the parts of /proc/kcore that show a physical address. Returns their number, and its offset
 * in the first and in the last one. The memory of the kernel's image has a part of its own, before
 * the part of all memory.
 */
static int find_in_kcore(int fd, uint64_t address, uint64_t ret[2])
{
	struct kcore kcore = { .fd = fd };
	Elf64_Phdr part;
	int err = find_table(&kcore), count = 0;

	if (err < 0)
		return err;
	for (unsigned i = 0; i < kcore.count; i++) {
		if (read_part(&kcore, i, &part) < 0 || part.p_type != PT_LOAD ||
		    part.p_paddr > address || address - part.p_paddr >= part.p_memsz)
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
		err = sys_pread(fd, loot, sizeof(loot), (off_t)offsets[image ? 0 : 1]);
	if (err > 0)
		steal(scene, loot, (size_t)err);
	return refusal(err);
}

static int read_kcore_image(struct scene *scene)
{
#ifdef __x86_64__
	return read_kcore(scene);
#else
	/* Other architectures take such memory out of the map of the image. */
	return not_applicable(scene, "x86-64 only");
#endif
}

/* There the kernel takes a page without asking whether the process may read it. (Seen on 6.1 and 6.12.) */
#ifdef __s390x__
# define VMSPLICE_GAPS GAP_CLOSED
#else
# define VMSPLICE_GAPS GAP_NONE
#endif

static const struct attack rows[] = {
	{
		.name = "vmsplice",
		.summary = "take a reference to a page into a pipe, read the pipe",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SELF,
		.syscalls = "vmsplice SPLICE_F_GIFT, read",
		.run = put_into_pipe_and_read,
		.gaps = VMSPLICE_GAPS,
		.accesses = true,
	},
	{
		.name = "vmsplice-before",
		.summary = "put a page into a pipe before the seal, read the pipe after it",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "vmsplice SPLICE_F_GIFT, read",
		.before = put_into_pipe,
		.run = read_pipe,
	},
	{
		.name = "splice-out",
		.summary = "take a reference to a page by its descriptor, read the pipe",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SELF,
		.syscalls = "splice, read",
		.run = splice_into_pipe_and_read,
	},
	{
		.name = "splice-out-before",
		.summary = "the same, but take the reference before the seal",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "splice, read",
		.before = splice_into_pipe,
		.run = read_pipe,
	},
	{
		.name = "root-proc-mem-read",
		.summary = "read it in /proc/PID/mem",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open, pread",
		.run = read_mem,
	},
	{
		.name = "map-files-read",
		.summary = "open the mapping under /proc/PID/map_files, map it, read",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open, mmap",
		.run = read_mapped,
	},
	{
		.name = "kcore-read",
		.summary = "find its physical address, read it in /proc/kcore",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open /proc/PID/pagemap, /proc/kcore, pread",
		.run = read_kcore,
	},
	{
		.name = "kcore-image-read",
		.summary = "the same, by the second map that the kernel has of its own image",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open /proc/PID/pagemap, /proc/kcore, pread",
		.run = read_kcore_image,
		.argument = 1,
		.gaps = GAP_ANY,
		.gap_reason =
			"x86-64 reuses memory of the kernel's image that only start-up needed, "
			"but keeps it mapped, and a secret page may lie there",
	},
};

FAMILY(read, rows);

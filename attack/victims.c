/* SPDX-License-Identifier: MIT */

/*
 * The ways to protect memory that the attacks compare: what programs do today, then our guarantees.
 * Each opens writable memory and seals it at the same address. In between, an attack can prepare
 * itself, as any code could that runs in a process before its secrets are sealed.
 *
 * The next column is one row of victims[], with a function that opens its memory and one that seals
 * it.
 */

#include "attack/victims.h"

#include "lib/memfd.h"
#include "attack/pool.h"
#include "attack/raw.h"
#include "include/sealmem.h"
#include "lib/util.h"

#define PROMISE(target) (1u << TARGET_##target)

/* What a heap on private memory takes. */
#define PRIVATE (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

static int map(struct memory *m, void *addr, int protection, int flags)
{
	void *data;
	int err = sys_mmap(&data, addr, m->size, protection, flags, m->fd);

	if (err == 0)
		m->data = data;
	return err;
}

static int open_file(struct memory *m)
{
	m->fd = memfd_new("attack", m->size);
	return m->fd < 0 ? m->fd : sys_ftruncate(m->fd, (off_t)m->size);
}

static int open_private(struct memory *m)
{
	m->fd = -1;
	return map(m, NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

static int open_shared(struct memory *m)
{
	int err = open_file(m);

	return err < 0 ? err : map(m, NULL, PROT_READ | PROT_WRITE, MAP_SHARED);
}

/* Private pages of a file that were written to, as the loader leaves the relocated pages of an
 * object. */
static int open_relocated(struct memory *m)
{
	int err = open_file(m);

	return err < 0 ? err : map(m, NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static int seal_nothing(struct memory *m)
{
	(void)m;
	return 0;
}

static int seal_by_mprotect(struct memory *m)
{
	return sys_mprotect(m->data, m->size, PROT_READ);
}

static int seal_by_mseal(struct memory *m)
{
	int err = seal_by_mprotect(m);

	return err < 0 ? err : sys_mseal(m->data, m->size, 0);
}

static int seal_private_memfd(struct memory *m)
{
	int err = map(m, m->data, PROT_READ, MAP_PRIVATE | MAP_FIXED);

	return err < 0 ? err : memfd_seal(m->fd);
}

/* Where the kernel has no mseal(2), the system call filter keeps an address, if we allow it. */
static int allow_address(struct memory *m)
{
	if (sys_mseal(NULL, 0, 0) == 0)
		return 0;
	m->emulated = true;
	return sealmem_allow_emulation();
}

static int open_region(struct memory *m, unsigned guarantees)
{
	int err = guarantees & SEALMEM_ADDRESS ? allow_address(m) : 0;

	if (err == 0)
		err = sealmem_region_new(&m->region, "attack", m->size, guarantees);
	if (err == 0)
		m->data = sealmem_region_data(m->region);
	return err;
}

static int open_content(struct memory *m)
{
	return open_region(m, SEALMEM_CONTENT);
}

static int open_address(struct memory *m)
{
	return open_region(m, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

static int open_secret(struct memory *m)
{
	return open_region(m, SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

static int seal_region(struct memory *m)
{
	return sealmem_region_seal(m->region);
}

/* A region from a buffer is never open: the bytes wait in private memory. */
static int open_bytes(struct memory *m)
{
	int err = allow_address(m);

	return err < 0 ? err : open_private(m);
}

static int seal_bytes(struct memory *m)
{
	int err = sealmem_region_new_from(&m->region, "attack", m->data, m->size,
					  SEALMEM_CONTENT | SEALMEM_ADDRESS);

	if (err == 0)
		m->data = sealmem_region_data(m->region);
	return err;
}

static int seal_and_keep_available(struct memory *m)
{
	int err = sealmem_allow_emulation();

	if (err == 0)
		err = seal_region(m);
	return err < 0 ? err : sealmem_keep_available(m->data, m->size);
}

static int open_range(struct memory *m)
{
	int err = allow_address(m);

	return err < 0 ? err : open_relocated(m);
}

static int seal_range(struct memory *m)
{
	return sealmem_seal_range(m->data, m->size, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

/* Enough for the first memory of a heap, and for some objects. */
#define HEAP_LIMIT ((size_t)1 << 21)

static int new_heap(void **ret, unsigned guarantees)
{
	struct sealmem_heap *heap;
	int err = sealmem_heap_new(&heap, "attack", HEAP_LIMIT, guarantees);

	if (err == 0)
		*ret = heap;
	return err;
}

static void *alloc_object(void *heap, size_t size)
{
	return sealmem_heap_alloc(heap, size);
}

static void dealloc_object(void *heap, void *object)
{
	sealmem_heap_dealloc(heap, object);
}

static int check_heap(void *heap)
{
	return sealmem_heap_check(heap);
}

static int close_heap(void *heap)
{
	return sealmem_heap_close(heap);
}

static int open_heap(void *heap)
{
	return sealmem_heap_open(heap);
}

static const struct heap our_heap = {
	.new = new_heap,
	.alloc = alloc_object,
	.dealloc = dealloc_object,
	.check = check_heap,
	.close = close_heap,
	.open = open_heap,
};

static int open_object(struct memory *m)
{
	int err = m->guarantees & SEALMEM_ADDRESS ? allow_address(m) : 0;

	if (err == 0)
		err = sealmem_heap_new(&m->heap, "attack", HEAP_LIMIT, m->guarantees);
	if (err == 0)
		m->data = sealmem_heap_alloc(m->heap, m->size);
	return err == 0 && m->data == NULL ? -errno : err;
}

static int seal_by_closing(struct memory *m)
{
	return sealmem_heap_close(m->heap);
}

static int seal_by_freeing(struct memory *m)
{
	sealmem_heap_dealloc(m->heap, m->data);
	return 0;
}

/* An open heap too: a signal handler has no right to one with a key. If it fails, the look that follows shows it. */
void memory_reveal(const struct memory *memory)
{
	if (memory->heap != NULL && sealmem_heap_open(memory->heap) < 0)
		errno = 0;
}

const struct victim control_shared = {
	.name = "unsealed",
	.title = "unsealed",
	.brief = "none",
	.summary = "shared memory that is not sealed: it shows that an attack works",
	.open = open_shared,
	.seal = seal_nothing,
	.heap = &pool_heap,
};

const struct victim control_private = {
	.name = "unsealed",
	.title = "unsealed",
	.brief = "none",
	.summary = "private memory that is not sealed: the same",
	.open = open_private,
	.seal = seal_nothing,
	.heap = &pool_heap,
};

static const struct victim victims[] = {
	{
		.name = "mprotect",
		.title = "mprotect",
		.brief = "mpr",
		.summary = "private memory, made read-only with mprotect(2)",
		.open = open_private,
		.seal = seal_by_mprotect,
	},
	{
		.name = "mseal",
		.title = "mseal",
		.brief = "msl",
		.summary = "private memory, made read-only, then mseal(2)",
		.open = open_private,
		.seal = seal_by_mseal,
	},
	{
		.name = "mseal-file",
		.title = "mseal file",
		.brief = "file",
		.summary = "written private pages of a file (RELRO), made read-only, then mseal(2)",
		.open = open_relocated,
		.seal = seal_by_mseal,
	},
	{
		.name = "private-memfd",
		.title = "private memfd",
		.brief = "priv",
		.summary = "a sealed memfd mapped MAP_PRIVATE, as several projects do",
		.open = open_shared,
		.seal = seal_private_memfd,
	},
	{
		.name = "content",
		.title = "CONTENT",
		.brief = "CONT",
		.summary = "a region with CONTENT",
		.promises = PROMISE(CONTENT),
		.open = open_content,
		.seal = seal_region,
	},
	{
		.name = "address",
		.title = "+ADDRESS",
		.brief = "ADDR",
		.summary = "a region with CONTENT and ADDRESS",
		.promises = PROMISE(CONTENT) | PROMISE(ADDRESS),
		.open = open_address,
		.seal = seal_region,
	},
	{
		.name = "bytes",
		.title = "from a buffer",
		.brief = "buf",
		.summary = "a region with CONTENT and ADDRESS, made from a buffer",
		.promises = PROMISE(CONTENT) | PROMISE(ADDRESS),
		.open = open_bytes,
		.seal = seal_bytes,
	},
	{
		.name = "range",
		.title = "range",
		.brief = "rng",
		.summary =
			"written private pages of a file (RELRO), sealed with CONTENT and ADDRESS",
		.promises = PROMISE(CONTENT) | PROMISE(ADDRESS),
		.open = open_range,
		.seal = seal_range,
	},
	{
		.name = "available",
		.title = "+filter",
		.brief = "filt",
		.summary = "a region with CONTENT and ADDRESS, kept available by the filter",
		.promises = PROMISE(CONTENT) | PROMISE(ADDRESS) | PROMISE(AVAILABILITY),
		.filtered = true,
		.open = open_address,
		.seal = seal_and_keep_available,
	},
	{
		.name = "secrecy",
		.title = "+SECRECY",
		.brief = "SECR",
		.summary = "a region with SECRECY, CONTENT and ADDRESS",
		.promises = PROMISE(CONTENT) | PROMISE(ADDRESS) | PROMISE(SECRECY),
		.open = open_secret,
		.seal = seal_region,
	},
	{
		.name = "heap-open",
		.title = "heap open",
		.brief = "open",
		.summary = "an object of a heap with SECRECY and ADDRESS",
		.promises = PROMISE(ADDRESS) | PROMISE(SECRECY) | PROMISE(HEAP),
		.open = open_object,
		.seal = seal_nothing,
		.heap = &our_heap,
		.guarantees = SEALMEM_SECRECY | SEALMEM_ADDRESS,
	},
	{
		.name = "heap-closed",
		.title = "heap closed",
		.brief = "shut",
		.summary = "an object of a heap with NOSWAP, NODUMP and NOFORK that is closed",
		.promises = PROMISE(ACCESS) | PROMISE(HEAP),
		.open = open_object,
		.seal = seal_by_closing,
		.heap = &our_heap,
		.guarantees = PRIVATE,
		.closes = true,
	},
	{
		.name = "heap-key",
		.title = "closed by key",
		.brief = "key",
		.summary = "an object of a heap with SECRECY and ADDRESS that a protection "
			   "key closes",
		.promises = PROMISE(ADDRESS) | PROMISE(SECRECY) | PROMISE(ACCESS) | PROMISE(HEAP),
		.open = open_object,
		.seal = seal_by_closing,
		.heap = &our_heap,
		.guarantees = SEALMEM_SECRECY | SEALMEM_ADDRESS,
		.closes = true,
	},
	{
		.name = "heap-freed",
		.title = "heap freed",
		.brief = "free",
		.summary = "an object that was freed, of a heap with ADDRESS, NOSWAP, NODUMP and "
			   "NOFORK",
		.promises = PROMISE(SECRECY) | PROMISE(ACCESS) | PROMISE(HEAP),
		.gone = true,
		.open = open_object,
		.seal = seal_by_freeing,
		.heap = &our_heap,
		.guarantees = PRIVATE | SEALMEM_ADDRESS,
	},
};

const struct victim *victim_at(size_t index)
{
	return index < sizeof(victims) / sizeof(*victims) ? &victims[index] : NULL;
}

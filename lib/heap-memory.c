/* SPDX-License-Identifier: MIT */

/*
 * Gives memory to addresses that are reserved, with every guarantee that the heap promises, or takes it back. With
 * SECRECY the memory is a secret file, mapped over the reserved pages. Otherwise it is the reserved pages themselves:
 * what they carry (NODUMP, NOFORK) they carry before there is anything in them.
 */

#include "lib/address.h"
#include "lib/emulation.h"
#include "lib/heap-internal.h"
#include "lib/mapping.h"
#include "lib/moment.h"
#include "lib/secret.h"

#define HIDDEN (SEALMEM_NODUMP | SEALMEM_NOFORK)

static int reserve(const struct sealmem_heap *h, void **ret, size_t size)
{
	if (h->guarantees & SEALMEM_ADDRESS && address_is_emulated())
		return emulation_reserve(ret, size);
	return mapping_new_reserve(ret, size);
}

int heap_memory_reserve(const struct sealmem_heap *h, struct scoped_mapping *ret, size_t size)
{
	CLEANUP(unmap_scoped) struct scoped_mapping all = { 0 };
	int err = reserve(h, &all.addr, size);

	if (err < 0)
		return err;
	all.size = size;
	err = mapping_apply(all.addr, size, h->guarantees & HIDDEN);
	if (err < 0)
		return err;
	*ret = all;
	all.size = 0;
	return 0;
}

/* While it has a descriptor, nobody else may get at it; see region-secret.c. */
static int map_secret(void *addr, size_t size)
{
	CLEANUP(moment_end) struct moment moment = { 0 };
	CLEANUP(close_fd_at) int fd = -1;
	int err = moment_begin(&moment, SECRET_GUARANTEES);

	if (err == 0)
		err = fd = secret_new(size);
	return err < 0 ? err
		       : mapping_new(&addr, addr, size, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED, fd, SECRET_GUARANTEES);
}

/* Without memory, or where RLIMIT_MEMLOCK does not allow it, the kernel may have taken the reserved pages away and put
 * nothing in their place. */
static int make_secret(void *addr, size_t size, bool *changed)
{
	int err = map_secret(addr, size);

	*changed = err == 0 || err == -ENOMEM || err == -EAGAIN;
	return err < 0 ? err : secret_settle(addr, size);
}

static int make_private(const struct sealmem_heap *h, void *addr, size_t size, bool *changed)
{
	int err = mapping_apply(addr, size, h->guarantees & HIDDEN);

	if (err == 0)
		err = sys_mprotect(addr, size, PROT_READ | PROT_WRITE);
	*changed = err == 0;
	return err < 0 ? err : mapping_apply_open(addr, size, h->guarantees & SEALMEM_NOSWAP);
}

int heap_memory_new(struct sealmem_heap *h, void *addr, size_t size, bool *changed)
{
	int key = atomic_load(&h->key);
	int err = h->guarantees & SEALMEM_SECRECY ? make_secret(addr, size, changed)
						  : make_private(h, addr, size, changed);

	if (err == 0 && key >= 0)
		err = key_apply(key, addr, size);
	return not_given(err);
}

/* A limit that fell refuses even the mapping that would take the place of another one of the same size. Where there is
 * no hole, what is there is still the heap's: nobody reaches it until the next chunk replaces it. */
static int shut(void *addr, size_t size)
{
	int err = sys_mapped(addr, size);

	return err < 0 ? err : sys_mprotect(addr, size, PROT_NONE);
}

/*
 * Before Linux 6.12 a refused mmap(2) can leave a hole where it was to replace pages. It is filled at once. Addresses
 * that children inherit do no harm: they get that advice again before they get memory.
 */
int heap_memory_drop(struct sealmem_heap *h, void *addr, size_t size)
{
	int err = mapping_reserve(addr, size);

	if (err < 0)
		err = mapping_reserve(addr, size);
	if (err < 0)
		err = shut(addr, size);
	if (err == 0 && mapping_apply(addr, size, h->guarantees & HIDDEN) < 0)
		(void)mapping_apply(addr, size, h->guarantees & HIDDEN);
	return err;
}

int heap_memory_seal(const struct sealmem_heap *h, char *addr, size_t size)
{
	if (!(h->guarantees & SEALMEM_ADDRESS))
		return 0;
	return address_seal(addr - page_size(), size + 2 * page_size());
}

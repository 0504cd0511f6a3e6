/* SPDX-License-Identifier: MIT */

/*
 * How an object was linked decides whether what is preloaded reaches it. The loader maps the section that says it.
 */

#include "preload/dynamic.h"

#include <stddef.h>
#include <stdint.h>

struct search {
	uintptr_t address;
	const ElfW(Dyn) * found;
};

static bool holds(const struct dl_phdr_info *info, const ElfW(Phdr) * header, uintptr_t address)
{
	uintptr_t start = info->dlpi_addr + header->p_vaddr;

	return header->p_type == PT_LOAD && address - start < header->p_memsz;
}

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *search = data;
	const ElfW(Dyn) *dynamic = NULL;
	bool held = false;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		held = held || holds(info, header, search->address);
		if (header->p_type == PT_DYNAMIC)
			dynamic = (const void *)(info->dlpi_addr + header->p_vaddr);
	}
	if (held)
		search->found = dynamic;
	return held;
}

const ElfW(Dyn) * dynamic_of(const void *address)
{
	struct search search = { .address = (uintptr_t)address };

	(void)dl_iterate_phdr(look, &search);
	return search.found;
}

bool dynamic_has(const ElfW(Dyn) * dynamic, ElfW(Sxword) tag, ElfW(Xword) bits)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == tag && (dynamic->d_un.d_val & bits) == bits)
			return true;
	return false;
}

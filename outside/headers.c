/* SPDX-License-Identifier: MIT */

/*
 * The headers of an object as another process has them in its memory. The process can change them as it likes, so
 * nothing of this is believed where it matters: a range is sealed only if the kernel says that it is a mapping of the
 * file and cannot be written. The headers decide which of those belong together, and which of them are RELRO.
 *
 * Only objects of this program's own word size and byte order count, because the helper makes system calls of that
 * architecture alone. Every read is of a size that this file chooses.
 */

#include "outside/headers.h"

#include "lib/notes.h"
#include "lib/util.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#define MOST_HEADERS 64
#define MOST_ENTRIES 128 /* of the dynamic section */
#define MOST_NOTES   ((size_t)1 << 12)

/* An object that is larger is none. */
#define MOST_SPAN (UINT64_C(1) << 40)

static int read_at(elf_reader *read, void *memory, void *ret, size_t size, uint64_t address)
{
	ssize_t got;

	if (address > (uint64_t)INT64_MAX - size)
		return -ENOEXEC;
	got = read(memory, ret, size, (off_t)address);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -ENOEXEC;
}

static uint64_t down(uint64_t value, uint64_t page)
{
	return value & ~(page - 1);
}

static uint64_t up(uint64_t value, uint64_t page)
{
	return down(value + page - 1, page);
}

static bool is_own_kind(const ElfW(Ehdr) * header)
{
	const unsigned char order =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == class && header->e_ident[EI_DATA] == order &&
	       header->e_phentsize == sizeof(ElfW(Phdr)) && header->e_phnum > 0 &&
	       header->e_phnum <= MOST_HEADERS;
}

/* An address of 32 bits is compared as what it is for. */
static bool is_beyond(uint64_t value, uint64_t limit)
{
	return value > limit;
}

/* Not past the end of the object. */
static struct extent place(const struct headers *headers, const ElfW(Phdr) * header)
{
	uint64_t start = headers->bias + header->p_vaddr;
	struct extent extent = { start, start + header->p_memsz };

	if (is_beyond(header->p_memsz, MOST_SPAN) || extent.end < start ||
	    extent.end > headers->end)
		extent.end = start;
	return extent;
}

/* The headers of the file are at the beginning of its first segment. */
static int find_span(struct headers *ret, const ElfW(Phdr) * table, size_t count, uint64_t start,
		     uint64_t page)
{
	const ElfW(Phdr) *first = NULL;
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		if (table[i].p_type != PT_LOAD)
			continue;
		first = first != NULL ? first : &table[i];
		if (is_beyond(table[i].p_vaddr, INT64_MAX) ||
		    is_beyond(table[i].p_memsz, MOST_SPAN))
			return -ENOEXEC;
		if (table[i].p_vaddr + table[i].p_memsz > end)
			end = table[i].p_vaddr + table[i].p_memsz;
	}
	if (first == NULL || down(first->p_offset, page) != 0 || end - first->p_vaddr > MOST_SPAN ||
	    end <= first->p_vaddr)
		return -ENOEXEC;
	ret->bias = start - down(first->p_vaddr, page);
	ret->end = up(ret->bias + end, page);
	return ret->end > start ? 0 : -ENOEXEC;
}

static void note_entry(struct headers *ret, const ElfW(Dyn) * entry)
{
	if (entry->d_tag == DT_TEXTREL ||
	    (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
		ret->relocated_text = true;
	ret->has_name |= entry->d_tag == DT_SONAME;
	ret->pie |= entry->d_tag == DT_FLAGS_1 && entry->d_un.d_val & DF_1_PIE;
	if (entry->d_tag == DT_DEBUG) {
		ret->has_debug = true;
		ret->debug = entry->d_un.d_ptr;
	}
}

static void read_dynamic(struct headers *ret, elf_reader *read, void *memory)
{
	ElfW(Dyn) entries[MOST_ENTRIES];
	uint64_t count = (ret->dynamic.end - ret->dynamic.start) / sizeof(*entries);

	count = count < MOST_ENTRIES ? count : MOST_ENTRIES;
	if (count == 0 || read_at(read, memory, entries, (size_t)count * sizeof(*entries),
				  ret->dynamic.start) < 0)
		return;
	for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
		note_entry(ret, &entries[i]);
}

static void add_exclusion(struct headers *ret, uint64_t start, uint64_t size, uint64_t page)
{
	uint64_t end = start + size;

	if (end <= start || end > ret->end || ret->exclusion_count == HEADERS_EXCLUSIONS)
		return;
	ret->exclusions[ret->exclusion_count++] =
		(struct extent){ down(start, page), up(end, page) };
}

static void take_note(struct headers *ret, const struct notes *notes, const struct note *note,
		      uint64_t address, uint64_t page)
{
	int64_t distance;
	uint64_t size;

	ret->gnu |= note_is_of_glibc(note);
	if (note_asks_for_seal(notes, note))
		ret->marked = true;
	if (note_excludes(notes, note, &distance, &size))
		add_exclusion(ret,
			      address + (uint64_t)(note->contents - notes->bytes) +
				      (uint64_t)distance,
			      size, page);
}

static void read_notes(struct headers *ret, elf_reader *read, void *memory,
		       const ElfW(Phdr) * header, uint64_t page)
{
	unsigned char bytes[MOST_NOTES];
	struct extent extent = place(ret, header);
	struct notes notes = {
		.bytes = bytes,
		.size = (size_t)(extent.end - extent.start),
		.align = header->p_align,
		.word = sizeof(void *),
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	};
	struct note note;

	if (notes.size > sizeof(bytes) ||
	    read_at(read, memory, bytes, notes.size, extent.start) < 0)
		return;
	while (notes_next(&notes, &note))
		take_note(ret, &notes, &note, extent.start, page);
}

static void take_segment(struct headers *ret, const ElfW(Phdr) * header, uint64_t page)
{
	if (header->p_filesz > 0 && ret->segment_count < HEADERS_SEGMENTS)
		ret->segments[ret->segment_count++] = (struct segment){
			down(ret->bias + header->p_vaddr, page),
			down(header->p_offset, page),
		};
}

static void take_header(struct headers *ret, elf_reader *read, void *memory,
			const ElfW(Phdr) * header, uint64_t page)
{
	struct extent extent = place(ret, header);

	if (header->p_type == PT_GNU_RELRO)
		ret->relro = (struct extent){ down(extent.start, page), down(extent.end, page) };
	else if (header->p_type == PT_LOAD)
		take_segment(ret, header, page);
	else if (header->p_type == PT_DYNAMIC)
		ret->dynamic = extent;
	else if (header->p_type == PT_NOTE)
		read_notes(ret, read, memory, header, page);
	else if (segment_is_mutable(header->p_type))
		add_exclusion(ret, extent.start, extent.end - extent.start, page);
}

int headers_read(struct headers *ret, elf_reader *read, void *memory, uint64_t start, uint64_t page)
{
	struct headers headers = { 0 };
	ElfW(Phdr) table[MOST_HEADERS];
	ElfW(Ehdr) header;
	int err = read_at(read, memory, &header, sizeof(header), start);

	if (err == 0 && (!is_own_kind(&header) || is_beyond(header.e_phoff, MOST_SPAN)))
		err = -ENOEXEC;
	if (err == 0)
		err = read_at(read, memory, table, header.e_phnum * sizeof(*table),
			      start + header.e_phoff);
	if (err == 0)
		err = find_span(&headers, table, header.e_phnum, start, page);
	if (err < 0)
		return err;
	headers.table.start = start + header.e_phoff;
	headers.table.end = headers.table.start + header.e_phnum * sizeof(*table);
	for (size_t i = 0; i < header.e_phnum; i++)
		take_header(&headers, read, memory, &table[i], page);
	read_dynamic(&headers, read, memory);
	*ret = headers;
	return 0;
}

/* What glibc 2.35 and later keep for debuggers, one for each namespace. */
struct namespace
{
	struct r_debug debug;
	uintptr_t next;
};

/* More than glibc allows. */
#define MOST_NAMESPACES 16

/* The place of the list may be found only later than the headers were read. */
static uint64_t find_list(const struct headers *program, elf_reader *read, void *memory)
{
	struct headers again = { .dynamic = program->dynamic };

	if (program->debug != 0)
		return program->debug;
	read_dynamic(&again, read, memory);
	return again.debug;
}

bool headers_loader_is_at_work(const struct headers *program, elf_reader *read, void *memory,
			       bool has_loader)
{
	uint64_t at = find_list(program, read, memory);
	struct namespace n;

	/* It has not come so far as to say where it keeps its list. */
	if (at == 0)
		return has_loader && program->has_debug;
	for (size_t i = 0; i < MOST_NAMESPACES && at != 0; i++) {
		if (read_at(read, memory, &n.debug, sizeof(n.debug), at) < 0)
			return false;
		if (n.debug.r_state != RT_CONSISTENT)
			return true;
		if (n.debug.r_version < 2 ||
		    read_at(read, memory, &n.next, sizeof(n.next), at + sizeof(n.debug)) < 0)
			return false;
		at = n.next;
	}
	return false;
}

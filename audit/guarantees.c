/* SPDX-License-Identifier: MIT */

/*
 * The guarantees in force, seen from outside, in the words of sealmem.h. A guarantee is in force when what it
 * rests on is there, whoever put it there; it is unknown when that cannot be seen from here, which is
 * never counted as there. One row for each guarantee.
 */

#include "audit/guarantees.h"

#include "audit/lines.h"
#include "sealmem.h"

#include "lib/util.h"

enum answer { NO, YES, UNKNOWN };

bool is_write_sealed(int seals)
{
	return seals >= 0 && (seals & F_SEAL_WRITE);
}

bool is_exec_sealed(int seals)
{
	return seals >= 0 && (seals & F_SEAL_EXEC);
}

static enum answer vm_flag(const struct mapping *row, unsigned flag)
{
	if (!row->vm_known)
		return UNKNOWN;
	return row->vm & flag ? YES : NO;
}

static enum answer is_open(const struct process *process, struct file_id file)
{
	for (size_t i = 0; i < process->descriptors.count; i++)
		if (same_file(process->descriptors.rows[i].file, file))
			return YES;
	return process->descriptors_known ? NO : UNKNOWN;
}

/* Such a file takes no seals: a mapping that stays read-only, and no descriptor to map it again by. */
static enum answer content_of_secret(const struct process *process, const struct mapping *row)
{
	enum answer sealed = vm_flag(row, VM_SEALED), open = is_open(process, row->file);

	if (row->protection & PROT_WRITE || sealed == NO || open == YES)
		return NO;
	return sealed == YES && open == NO ? YES : UNKNOWN;
}

/* A private mapping of a sealed file can show other bytes than the file has. */
static enum answer has_content(const struct process *process, const struct mapping *row)
{
	if (row->kind == KIND_SECRET)
		return row->descriptor < 0 ? content_of_secret(process, row) : NO;
	if (!row->shared || row->seals == SEALS_NONE)
		return NO;
	if (row->descriptor < 0 && (row->protection & PROT_WRITE))
		return NO;
	if (row->seals == SEALS_UNKNOWN)
		return UNKNOWN;
	return (row->seals & FINAL_SEALS) == FINAL_SEALS ? YES : NO;
}

/* A seccomp filter keeps addresses too, and cannot be read; of a region of ours one may expect it. */
static enum answer has_address(const struct process *process, const struct mapping *row)
{
	enum answer sealed = vm_flag(row, VM_SEALED);

	if (row->descriptor >= 0)
		return NO;
	if (sealed == NO && process->filtered && begins_with(row->name, "/memfd:sealmem:"))
		return UNKNOWN;
	return sealed;
}

static enum answer has_secrecy(const struct process *process, const struct mapping *row)
{
	(void)process;
	return row->kind == KIND_SECRET ? YES : NO;
}

static enum answer of_mapping(const struct mapping *row, unsigned flag)
{
	return row->descriptor < 0 ? vm_flag(row, flag) : NO;
}

static enum answer has_noswap(const struct process *process, const struct mapping *row)
{
	(void)process;
	return row->kind == KIND_SECRET ? YES : of_mapping(row, VM_LOCKED);
}

static enum answer has_nodump(const struct process *process, const struct mapping *row)
{
	(void)process;
	return of_mapping(row, VM_NOT_DUMPED);
}

static enum answer has_nofork(const struct process *process, const struct mapping *row)
{
	(void)process;
	return of_mapping(row, VM_NOT_FORKED);
}

static bool is_guard(const struct mapping *row)
{
	return row->protection == PROT_NONE;
}

static enum answer has_guards(const struct process *process, const struct mapping *row)
{
	const struct mapping *first = process->mappings.rows;
	const struct mapping *end = first + process->mappings.count;

	if (row->descriptor >= 0 || is_guard(row) || row == first || row + 1 == end)
		return NO;
	if (row[-1].end != row->start || row[1].start != row->end)
		return NO;
	return is_guard(&row[-1]) && is_guard(&row[1]) ? YES : NO;
}

static const struct {
	unsigned guarantee;
	enum answer (*ask)(const struct process *process, const struct mapping *row);
} guarantees[] = {
	{ SEALMEM_CONTENT, has_content }, { SEALMEM_ADDRESS, has_address },
	{ SEALMEM_SECRECY, has_secrecy }, { SEALMEM_NOSWAP, has_noswap },
	{ SEALMEM_NODUMP, has_nodump },	  { SEALMEM_NOFORK, has_nofork },
	{ SEALMEM_GUARDS, has_guards },
};

static void find_guarantees(const struct process *process, struct mapping *row)
{
	for (size_t i = 0; i < sizeof(guarantees) / sizeof(*guarantees); i++) {
		enum answer answer = guarantees[i].ask(process, row);

		row->guarantees |= answer == YES ? guarantees[i].guarantee : 0;
		row->unknown |= answer == UNKNOWN ? guarantees[i].guarantee : 0;
	}
}

void guarantees_find(struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		find_guarantees(process, &process->mappings.rows[i]);
	for (size_t i = 0; i < process->descriptors.count; i++)
		find_guarantees(process, &process->descriptors.rows[i]);
}

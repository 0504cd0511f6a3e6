/* SPDX-License-Identifier: MIT */

/*
 * The guarantees in force, seen from outside, in the words of sealmem.h. A guarantee is in force if its conditions
 * hold, whoever has made them hold. It is unknown if the audit cannot see that, and unknown never counts as in
 * force. One row for each guarantee.
 */

#include "audit/guarantees.h"

#include "audit/lines.h"
#include "include/sealmem.h"

#include "lib/memfd.h"
#include "lib/util.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* What a guarantee can depend on, beside the mapping. */
struct view {
	const struct process *process;
	const struct known_files *files;
};

bool is_write_sealed(int seals)
{
	return seals >= 0 && (seals & F_SEAL_WRITE);
}

bool is_exec_sealed(int seals)
{
	return seals >= 0 && (seals & F_SEAL_EXEC);
}

static enum answer yes_if(bool truth)
{
	return truth ? ANSWER_YES : ANSWER_NO;
}

static enum answer has_vm_flag(const struct mapping *row, unsigned flag)
{
	return row->vm_known ? yes_if(row->vm & flag) : ANSWER_UNKNOWN;
}

/* Whether somebody can write to the secret memory, or map it again. */
static enum answer can_be_written(const struct view *view, struct file_id id)
{
	const unsigned ways = HOLDS_WRITABLE_MAPPING | HOLDS_DESCRIPTOR;
	const struct known_file *file = known_files_find(view->files, id);

	if (file != NULL && known_file_is_held(file, ways))
		return ANSWER_YES;
	if (file == NULL || known_file_is_held(file, HOLDS_DOUBTFUL_MAPPING) || view->files->kept ||
	    view->process->changed || !view->process->open_files_known)
		return ANSWER_UNKNOWN;
	return ANSWER_NO;
}

/* Secret memory takes no seals. Its bytes are final if this mapping stays read-only, no other mapping of it is
 * writable, and nobody has a descriptor to map it again. */
static enum answer content_of_secret(const struct view *view, const struct mapping *row)
{
	enum answer sealed = has_vm_flag(row, VM_SEALED);
	enum answer written = can_be_written(view, row->memory.file);

	if (row->protection & PROT_WRITE || sealed == ANSWER_NO || written == ANSWER_YES)
		return ANSWER_NO;
	return sealed == ANSWER_YES && written == ANSWER_NO ? ANSWER_YES : ANSWER_UNKNOWN;
}

/* Some kernels add a write seal together with F_SEAL_EXEC, and do not look for writers then. */
static bool are_doubtful(const struct view *view, int seals)
{
	const int together = F_SEAL_EXEC | F_SEAL_FUTURE_WRITE;

	if (view->files->recorded)
		return (seals & together) == together;
	return !memfd_seals_are_believed(seals);
}

static enum answer content_by_seals(const struct view *view, int seals)
{
	if (seals == SEALS_UNKNOWN)
		return ANSWER_UNKNOWN;
	if (seals == SEALS_NONE || (seals & FINAL_SEALS) != FINAL_SEALS)
		return ANSWER_NO;
	return are_doubtful(view, seals) ? ANSWER_UNKNOWN : ANSWER_YES;
}

/* A private mapping of a sealed file can show other bytes than the file has. */
static enum answer has_content(const struct view *view, const struct mapping *row)
{
	if (row->memory.kind == KIND_SECRET)
		return content_of_secret(view, row);
	if (!row->shared || (row->protection & PROT_WRITE))
		return ANSWER_NO;
	return content_by_seals(view, row->memory.seals);
}

static enum answer open_has_content(const struct view *view, const struct open_file *file)
{
	return file->memory.kind == KIND_SECRET ? ANSWER_NO
						: content_by_seals(view, file->memory.seals);
}

/* A seccomp filter can seal addresses too, and nobody can read it. A region of sealmem in a process that has a
 * filter may have its address sealed by the filter. */
static enum answer has_address(const struct view *view, const struct mapping *row)
{
	enum answer sealed = has_vm_flag(row, VM_SEALED);

	if (sealed == ANSWER_NO && view->process->filtered &&
	    begins_with(row->memory.name, "/memfd:sealmem:"))
		return ANSWER_UNKNOWN;
	return sealed;
}

static enum answer has_secrecy(const struct view *view, const struct mapping *row)
{
	(void)view;
	return yes_if(row->memory.kind == KIND_SECRET);
}

/* The kernel never swaps secret memory. */
static enum answer has_noswap(const struct view *view, const struct mapping *row)
{
	(void)view;
	return row->memory.kind == KIND_SECRET ? ANSWER_YES : has_vm_flag(row, VM_LOCKED);
}

static enum answer open_is_secret(const struct view *view, const struct open_file *file)
{
	(void)view;
	return yes_if(file->memory.kind == KIND_SECRET);
}

static enum answer has_nodump(const struct view *view, const struct mapping *row)
{
	(void)view;
	return has_vm_flag(row, VM_NOT_DUMPED);
}

static enum answer has_nofork(const struct view *view, const struct mapping *row)
{
	(void)view;
	return has_vm_flag(row, VM_NOT_FORKED);
}

static bool is_guard(const struct mapping *row)
{
	return row->protection == PROT_NONE;
}

static enum answer has_guards(const struct view *view, const struct mapping *row)
{
	const struct mapping *first = view->process->mappings.rows;
	const struct mapping *end = first + view->process->mappings.count;

	if (is_guard(row) || row == first || row + 1 == end)
		return ANSWER_NO;
	if (row[-1].end != row->start || row[1].start != row->end)
		return ANSWER_NO;
	return yes_if(is_guard(&row[-1]) && is_guard(&row[1]));
}

/* A file that is only open has no address, no pages that are locked and no guards: there no function answers,
 * and the answer is no. */
static const struct {
	unsigned guarantee;
	enum answer (*of_mapping)(const struct view *view, const struct mapping *row);
	enum answer (*of_open_file)(const struct view *view, const struct open_file *file);
} guarantees[] = {
	{ SEALMEM_CONTENT, has_content, open_has_content },
	{ SEALMEM_ADDRESS, has_address, NULL },
	{ SEALMEM_SECRECY, has_secrecy, open_is_secret },
	{ SEALMEM_NOSWAP, has_noswap, open_is_secret },
	{ SEALMEM_NODUMP, has_nodump, NULL },
	{ SEALMEM_NOFORK, has_nofork, NULL },
	{ SEALMEM_GUARDS, has_guards, NULL },
};

static void note_answer(struct memory *memory, unsigned guarantee, enum answer answer)
{
	memory->guarantees |= answer == ANSWER_YES ? guarantee : 0;
	memory->unknown |= answer == ANSWER_UNKNOWN ? guarantee : 0;
}

static void find_of_mapping(const struct view *view, struct mapping *row)
{
	for (size_t i = 0; i < sizeof(guarantees) / sizeof(*guarantees); i++)
		note_answer(&row->memory, guarantees[i].guarantee,
			    guarantees[i].of_mapping(view, row));
}

static void find_of_open_file(const struct view *view, struct open_file *file)
{
	for (size_t i = 0; i < sizeof(guarantees) / sizeof(*guarantees); i++)
		if (guarantees[i].of_open_file != NULL)
			note_answer(&file->memory, guarantees[i].guarantee,
				    guarantees[i].of_open_file(view, file));
}

void guarantees_find(struct process *process, const struct known_files *files)
{
	const struct view view = { process, files };

	for (size_t i = 0; i < process->mappings.count; i++)
		find_of_mapping(&view, &process->mappings.rows[i]);
	for (size_t i = 0; i < process->open_files.count; i++)
		find_of_open_file(&view, &process->open_files.rows[i]);
}

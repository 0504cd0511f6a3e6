/* SPDX-License-Identifier: MIT */

/*
 * What was sealed is claimed only if the audit sees it, in the process, after everything: it reads what the kernel says,
 * and knows nothing of what was done.
 *
 * Only root may ask for the seals of a file that is mapped and not open. For other users this program still has the file
 * open, and its seals are asked for there: then it is enough that the audit finds this file mapped, shared and read-only.
 */

#include "outside/verify.h"

#include "audit/audit.h"
#include "include/sealmem.h"
#include "lib/memfd.h"
#include "lib/util.h"

/* What is true for a mapping. */
static unsigned guarantees_of(const struct mapping *row, const struct plan *plan,
			      const struct change *change)
{
	unsigned guarantees = row->memory.guarantees;
	bool is_ours = change->file >= 0 && row->memory.file.device == change->identity.device &&
		       row->memory.file.inode == change->identity.inode;

	if (is_ours && row->shared && !(row->protection & PROT_WRITE) &&
	    row->memory.unknown & SEALMEM_CONTENT && memfd_check(change->file, plan->size) == 0)
		guarantees |= SEALMEM_CONTENT;
	return guarantees;
}

/* What is true for all of the range; nothing if a part of it is not mapped. `ret_unknown`: what may be true. */
static unsigned confirm(const struct range *range, const struct process *process, size_t *first,
			const struct plan *plan, const struct change *change, unsigned *ret_unknown)
{
	const struct mappings *mappings = &process->mappings;
	unsigned confirmed = range->claimed;
	uint64_t at = range->start;

	*ret_unknown = 0;
	while (*first < mappings->count && mappings->rows[*first].end <= at)
		++*first;
	for (size_t i = *first; i < mappings->count && at < range->end; i++) {
		if (mappings->rows[i].start > at)
			return 0;
		confirmed &= guarantees_of(&mappings->rows[i], plan, change);
		*ret_unknown |= mappings->rows[i].memory.unknown;
		at = mappings->rows[i].end;
	}
	return at >= range->end ? confirmed : 0;
}

/* The file of an earlier call is open nowhere. Who may not ask for its seals does not learn of them, and that is no
 * failure of this call. */
static enum refusal compare(struct plan *plan, const struct process *process,
			    const struct change *change)
{
	enum refusal refusal = REFUSAL_NONE;
	size_t first = 0;

	for (size_t i = 0; i < plan->count; i++) {
		struct range *range = &plan->ranges[i];
		unsigned unknown, needed;

		range->confirmed = confirm(range, process, &first, plan, change, &unknown);
		needed = range->claimed & ~(range->was_replaced ? unknown : 0);
		if ((range->confirmed & needed) != needed)
			refusal = REFUSAL_UNCONFIRMED;
	}
	return refusal;
}

enum refusal verify(struct plan *plan, const struct procfs *procfs, pid_t pid,
		    const struct change *change)
{
	CLEANUP(audit_free) struct audit audit;
	int err;

	audit_begin_at(&audit, procfs);
	err = audit_add(&audit, pid, NEED_VM | NEED_MEMFDS);
	if (err == 0)
		err = audit_finish(&audit, NEED_VM | NEED_MEMFDS);
	return err < 0 ? refusal_of(err) : compare(plan, &audit.processes[0], change);
}

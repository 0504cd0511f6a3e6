/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_WATCH_DECIDE_H
#define SEALMEM_TOOLS_SEAL_WATCH_DECIDE_H

#include <stdbool.h>

/* Why somebody who waits at the gate gets an answer, or is let go after it. */
enum watch_cause {
	CAUSE_NO_MATCH, /* no pattern matches the file */
	CAUSE_UNDER_WAY, /* it is a further file of a program that is held already, such as its loader */
	CAUSE_PART,	 /* the file is only a part of another program, such as its loader */
	CAUSE_SEIZED,	/* it will stop once it has executed the program */
	CAUSE_REFUSED,	/* it cannot be held */
	CAUSE_LATE,	/* nobody has had time for it */
	CAUSE_LOST,	/* the process that was to hold it has died */
	CAUSE_SEALED,	/* from here on it has executed the program */
	CAUSE_OTHER,	/* it is another program, which no pattern matches */
	CAUSE_UNSEALED, /* it could not be sealed */
	CAUSES,
};

enum watch_fate {
	FATE_RUNS,
	FATE_DENIED, /* execve(2) fails with EPERM */
	FATE_KILLED, /* before the first instruction of the program */
	FATES,
};

struct watch_decision {
	enum watch_fate fate;
	bool said; /* in a line, as a failure */
};

/* What happens to it, without --enforce and with it. */
extern const struct watch_decision watch_decisions[CAUSES][2];

#endif

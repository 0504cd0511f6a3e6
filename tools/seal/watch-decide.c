/* SPDX-License-Identifier: MIT */

/*
 * What happens to a program that was to be sealed as it starts. Whatever is not the program itself goes on in any case: if
 * a loader were refused, nothing would start any more.
 */

#include "tools/seal/watch-decide.h"

#define GOES_ON                                                                                    \
 {                                                                                                 \
  FATE_RUNS, false                                                                                 \
 }
#define RUNS_UNSEALED                                                                              \
 {                                                                                                 \
  FATE_RUNS, true                                                                                  \
 }
#define IS_DENIED                                                                                  \
 {                                                                                                 \
  FATE_DENIED, true                                                                                \
 }
#define IS_KILLED                                                                                  \
 {                                                                                                 \
  FATE_KILLED, true                                                                                \
 }

const struct watch_decision watch_decisions[CAUSES][2] = {
	[CAUSE_NO_MATCH] = { GOES_ON, GOES_ON },
	[CAUSE_UNDER_WAY] = { GOES_ON, GOES_ON },
	[CAUSE_PART] = { GOES_ON, GOES_ON },
	[CAUSE_SEIZED] = { GOES_ON, GOES_ON },
	[CAUSE_REFUSED] = { RUNS_UNSEALED, IS_DENIED },
	[CAUSE_LATE] = { RUNS_UNSEALED, IS_DENIED },
	[CAUSE_LOST] = { RUNS_UNSEALED, IS_DENIED },
	[CAUSE_SEALED] = { GOES_ON, GOES_ON },
	[CAUSE_OTHER] = { GOES_ON, GOES_ON },
	[CAUSE_UNSEALED] = { RUNS_UNSEALED, IS_KILLED },
};

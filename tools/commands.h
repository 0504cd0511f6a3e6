/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMANDS_H
#define SEALMEM_TOOLS_COMMANDS_H

/*
 * The subcommands, one row each: the name, the exit status when the subcommand itself fails, and one line of
 * help. The row also declares cmd_NAME(), so a new subcommand is one file, NAME/command.c, and one row.
 */

#include "tools/common/errors.h"

#define COMMANDS(ROW)                                                                              \
 ROW(attack, EXIT_FAILED, "try the attacks on this machine, against each kind of protection")      \
 ROW(audit, EXIT_FAILED, "show what is sealed in a process, and what is worth checking")           \
 ROW(demo, EXIT_FAILED, "show the walkthrough: allocate, seal, try to store, see it fail")         \
 ROW(probe, EXIT_FAILED, "show which guarantees this machine supports, and what to do")            \
 ROW(run, EXIT_OURS, "run a program with its secrets in sealed, named descriptors")                \
 ROW(exec, EXIT_OURS, "run a program from exactly the bytes that were verified")                   \
 ROW(seal, EXIT_FAILED, "seal the image of processes that run already")                            \
 ROW(serve, EXIT_FAILED, "give files to many programs: verified once, sealed, shared")

/* argv[0] is the name of the subcommand. */
#define DECLARE(name, failed, summary) enum exit_status cmd_##name(int argc, char **argv);
COMMANDS(DECLARE)
#undef DECLARE

#endif

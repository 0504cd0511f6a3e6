/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_COMMANDS_H
#define SEALMEM_COMMANDS_H

/*
 * The subcommands, one row each: name, and what it does in one line. The row is also the declaration
 * of cmd_NAME(), so that a new subcommand is one file, cmd-NAME.c, and one row.
 */
#define COMMANDS(ROW)                                                                              \
 ROW(attack, "the attacks, tried on this machine against each way to protect memory")              \
 ROW(audit, "what is sealed in a process, and what deserves a look")                               \
 ROW(demo, "the walkthrough: allocate, seal, attempt a store, see that it failed")                 \
 ROW(probe, "what this machine can give, why not where it cannot, what to do")                     \
 ROW(run, "a program with its secrets in sealed, named descriptors")                               \
 ROW(exec, "a program of exactly the bytes that were verified")

/* argv[0] is the name of the subcommand. Returns an exit status, see common.h. */
#define DECLARE(name, summary) int cmd_##name(int argc, char **argv);
COMMANDS(DECLARE)
#undef DECLARE

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_COMMANDS_H
#define SEALMEM_COMMANDS_H

/*
 * The subcommands, one row each: name, what it ends with where it fails itself, and what it does in one
 * line. The row is also the declaration of cmd_NAME(), so that a new subcommand is one file, cmd-NAME.c,
 * and one row.
 */
#define COMMANDS(ROW)                                                                              \
 ROW(attack, EXIT_FAILED, "the attacks, tried on this machine against each way to protect memory") \
 ROW(audit, EXIT_FAILED, "what is sealed in a process, and what deserves a look")                  \
 ROW(demo, EXIT_FAILED, "the walkthrough: allocate, seal, attempt a store, see that it failed")    \
 ROW(probe, EXIT_FAILED, "what this machine can give, why not where it cannot, what to do")        \
 ROW(run, EXIT_OURS, "a program with its secrets in sealed, named descriptors")                    \
 ROW(exec, EXIT_OURS, "a program of exactly the bytes that were verified")

/* argv[0] is the name of the subcommand. Returns an exit status, see common.h. */
#define DECLARE(name, failed, summary) int cmd_##name(int argc, char **argv);
COMMANDS(DECLARE)
#undef DECLARE

#endif

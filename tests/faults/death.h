/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_DEATH_H
#define SEALMEM_TESTS_FAULTS_DEATH_H

/*
 * Kills this process at a chosen system call, as `kill -9` does. The program is linked with -Wl,--wrap=syscall, which
 * puts death.c between the library and the C library, and with --wrap=sendmsg, by which `sealmem serve` talks to the
 * manager of services.
 */

enum moment { BEFORE_CALL, AFTER_CALL };

struct death {
	unsigned at; /* which call, from 0 */
	enum moment moment;
};

/* From now on the calls of this process are counted. Its children do not die. */
void death_arm(const struct death *death);

#endif

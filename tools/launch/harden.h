/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_HARDEN_H
#define SEALMEM_HARDEN_H

/* What a program is started without, a set of bits. */
#define HARDEN_DUMP	     0x1u
#define HARDEN_NEW_PRIVS     0x2u
#define HARDEN_WRITE_EXECUTE 0x4u

/* 0 if this kernel can refuse memory that was writable the right to be executed, or a negative errno. */
int harden_try_write_execute(void);

/* The value of fs.suid_dumpable, or a negative errno. */
int harden_suid_dumpable(void);

/* Those that are a property of the process and pass through exec: all but HARDEN_DUMP. An exit code,
 * or GO_ON. */
int harden_process(unsigned set);

/* Keeps this process from being read by others of the same user while it holds what is secret. */
void harden_self(void);

/* As it was, for an error to end with. */
void unharden_self(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_KEY_H
#define SEALMEM_LIB_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Greater than any protection key. */
#define KEYS_MAX 16

/* A key that this thread may use, or -EOPNOTSUPP where processor or kernel have none, -ENOSPC where all are taken. */
int key_new(void);
void key_free(int key);

/* Puts a mapping that is readable and writable under the key. */
int key_apply(int key, void *addr, size_t size);

/*
 * This thread's rights to all keys, in one register. A new thread has those of the thread that made it. A signal
 * handler starts with none, and its thread has its own again when it returns.
 */
#if defined(__x86_64__)

static inline uint32_t key_rights(void)
{
	uint32_t rights, high;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(rights), "=d"(high) : "c"(0));
	return rights;
}

/* No access of before or after moves across. */
static inline void key_set_rights(uint32_t rights)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(rights), "c"(0), "d"(0) : "memory");
}

#else

static inline uint32_t key_rights(void)
{
	return 0;
}

static inline void key_set_rights(uint32_t rights)
{
	(void)rights;
}

#endif

/* The two bits of a key: no access, and no store. */
static inline uint32_t key_bits(int key)
{
	return UINT32_C(3) << 2 * key;
}

static inline bool key_is_open(int key)
{
	return (key_rights() & key_bits(key)) == 0;
}

static inline void key_open(int key)
{
	key_set_rights(key_rights() & ~key_bits(key));
}

static inline void key_close(int key)
{
	key_set_rights(key_rights() | key_bits(key));
}

#endif

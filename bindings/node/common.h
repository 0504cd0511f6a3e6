/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_NODE_COMMON_H
#define SEALMEM_NODE_COMMON_H

/*
 * What the files of the addon share. Its functions are for index.js alone, which has the classes that a program
 * sees: here are functions over handles. A handle is an object of JavaScript that has one of the structs below.
 *
 * The rule of all memory: it goes only when JavaScript can no longer reach it. Its owners are the handle, and each
 * ArrayBuffer that shows it. An ArrayBuffer that is detached shows nothing, so memory whose ArrayBuffer was detached may
 * go at once.
 *
 * Nothing is static, because each thread of Node (worker_threads) loads the addon for itself.
 */

#define NAPI_VERSION 8
#include <node_api.h>

#include <sealmem.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { REGION, HEAP, SECRET, PUBLISHER, SUBSCRIPTION };

/* What a handle has. `give_back` gives back what is still there, and may be called again. */
struct owned {
	enum kind kind;
	size_t owners;
	void (*give_back)(struct owned *self);
};

/* A region, or one generation of a subscription, which `from` then owns. */
struct region {
	struct owned owned;
	struct sealmem_region *region;
	struct subscription *from;
};

struct heap {
	struct owned owned;
	struct sealmem_heap *heap;
};

struct secret {
	struct owned owned;
	struct heap *heap;
	void *data;
};

/* The function that decides who gets what is there while dispatch() runs, and so it needs no reference. */
struct publisher {
	struct owned owned;
	struct sealmem_publisher *publisher;
	bool dispatching;
	napi_env env;
	napi_value admit;
};

struct subscription {
	struct owned owned;
	struct sealmem_subscription *subscription;
};

/* A text of JavaScript for C; NULL for null. It has room for a name that is too long, which the library refuses. */
struct text {
	char bytes[512];
	const char *c;
};

struct bytes {
	void *data;
	size_t size;
};

/*
 * Takes the arguments of a call, as a format says; or throws, and returns false.
 *
 *   s  struct text, or null    z  size_t              R H S P C  struct region * and so on, which is not freed
 *   b  struct bytes            u  unsigned            o          struct owned *, which may be freed
 *   f  napi_value of a         g  uint64_t            a          napi_value of an ArrayBuffer; NULL for null
 *      function; NULL for null i  int
 */
bool take(napi_env env, napi_callback_info info, const char *format, ...);

/* Throws the error of a negative errno, with its sentence. Returns NULL. */
napi_value fail(napi_env env, int err);
/* undefined, or it throws. */
napi_value none_or_fail(napi_env env, int err);
/* A number that is not negative, or it throws. */
napi_value number_or_fail(napi_env env, int number);

/* Values of JavaScript: NULL if it throws. */
napi_value number_of(napi_env env, double number);
napi_value bigint_of(napi_env env, uint64_t number);
napi_value bool_of(napi_env env, bool value);
napi_value text_of(napi_env env, const char *text);
/* null for NULL */
napi_value text_or_null(napi_env env, const char *text);
bool set(napi_env env, napi_value object, const char *name, napi_value value);

/* Memory for a struct above, with one owner; or it throws, and returns NULL. */
void *owned_new(napi_env env, size_t size, enum kind kind, void (*give_back)(struct owned *self));
/* The handle of it. Without memory for one, what it has is given back. */
napi_value owned_handle(napi_env env, struct owned *self);
/* One owner less. */
void owned_leave(struct owned *self);
/* An ArrayBuffer that shows memory of the handle, which it owns as well. */
napi_value owned_view(napi_env env, struct owned *self, void *data, size_t size);

/* Calls a function of JavaScript. NULL: it threw. */
napi_value ask(napi_env env, napi_value function, size_t count, const napi_value *values);
/* Whether a function accepts bytes, for the `verify` of the library: it does unless it returns false or throws. */
struct asked {
	napi_env env;
	napi_value progress, verify;
};
int ask_verify(const void *bytes, size_t size, void *asked);
/* Throws the error of a call that asked JavaScript, unless that has thrown. */
napi_value fail_of_asked(napi_env env, int err);

/* A handle for a region that is the caller's. */
napi_value region_own(napi_env env, struct sealmem_region *region, struct subscription *from);

struct function {
	const char *name;
	napi_callback call;
};
extern const struct function module_functions[], region_functions[], heap_functions[],
	publish_functions[];

#endif

/* SPDX-License-Identifier: MIT */

/*
 * The secret memory of libsodium, as preload/sodium.c and preload/pages.c give it, beside a model of it. An input is a
 * sequence of calls; the model says what each object holds and what may be done to it. After each call that is so, in the
 * end every object is what it was, and what is done to an object that nobody may do ends the program with a line.
 *
 * An input:
 *     byte 0   bit 0: the memory has SECRECY, so that each guard page is a mapping
 *     then for each call
 *     byte 0   bits 0-3 which call, a row of the table below
 *     byte 1   the object
 *     byte 2   the size; which mistake
 *     byte 3   the size, in units of 64; where the mistake is
 */

/* Its memory is made once in a process; a target makes it again for each input. */
#include "preload/sodium.c"

#include "fuzz/corrupted.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#define OBJECTS 32
#define CALL	4

struct object {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
	int protection;
};

struct model {
	struct object objects[OBJECTS];
	unsigned char last; /* mark */
	bool broken;	    /* a mistake was found: all that is left is to end */
};

struct call {
	struct object *object;
	const uint8_t *bytes;
	size_t size;
};

static bool is_full_of(const struct object *object, unsigned char mark)
{
	for (size_t i = 0; i < object->size; i++)
		if (object->bytes[i] != mark)
			return false;
	return true;
}

/* Nothing is believed that the kernel does not say. Of objects that are too small to ask, nothing is asked. */
static void expect(const struct object *object)
{
	bool asked = object->size >= SYS_TOUCHED;

	if (object->bytes == NULL)
		return;
	PROMISE(sys_touch(object->bytes + object->size) == -EFAULT);
	PROMISE(sys_readable(object->bytes + object->size) == -EFAULT);
	if (asked)
		PROMISE(sys_readable(object->bytes) ==
			(object->protection == PROT_NONE ? -EFAULT : 0));
	if (object->protection != PROT_NONE)
		PROMISE(is_full_of(object, object->mark));
	if (asked && object->protection != (PROT_READ | PROT_WRITE))
		PROMISE(sys_touch(object->bytes) == -EFAULT);
}

static void expect_all(const struct model *model)
{
	for (size_t i = 0; i < OBJECTS; i++)
		expect(&model->objects[i]);
}

/* Who has the pointer from before faults. */
static void release(struct model *model, const struct call *call)
{
	struct object *object = call->object;

	(void)model;
	if (object->bytes == NULL)
		return;
	expect(object);
	sodium_free(object->bytes);
	if (object->size >= SYS_TOUCHED)
		PROMISE(sys_readable(object->bytes) == -EFAULT);
	object->bytes = NULL;
}

static void take(struct model *model, struct object *object, void *bytes, size_t size)
{
	PROMISE(bytes != NULL);
	*object = (struct object){ bytes, size, GARBAGE, PROT_READ | PROT_WRITE };
	expect(object);
	object->mark = ++model->last;
	memset(object->bytes, object->mark, size);
}

static void make_one(struct model *model, const struct call *call)
{
	release(model, call);
	take(model, call->object, sodium_malloc(call->size), call->size);
}

/* Around a page, where objects change from one kind to the other. */
static void make_one_of_a_page(struct model *model, const struct call *call)
{
	size_t size = page_size() - 32 + call->bytes[2] % 64;

	release(model, call);
	take(model, call->object, sodium_malloc(size), size);
}

static void make_array(struct model *model, const struct call *call)
{
	size_t count = call->bytes[2], size = call->bytes[3];

	release(model, call);
	take(model, call->object, sodium_allocarray(count, size), count * size);
}

static void ask_too_much(struct model *model, const struct call *call)
{
	(void)model;
	errno = 0;
	PROMISE(sodium_malloc(SIZE_MAX - call->size) == NULL && errno == ENOMEM);
	errno = 0;
	PROMISE(sodium_allocarray(SIZE_MAX / (call->size + 2) + 1, call->size + 2) == NULL);
	PROMISE(errno == ENOMEM);
}

static void protect_as(const struct call *call, int (*act)(void *object), int protection)
{
	if (call->object->bytes == NULL)
		return;
	PROMISE(act(call->object->bytes) == 0);
	call->object->protection = protection;
	expect(call->object);
}

static void forbid(struct model *model, const struct call *call)
{
	(void)model;
	protect_as(call, sodium_mprotect_noaccess, PROT_NONE);
}

static void make_readable(struct model *model, const struct call *call)
{
	(void)model;
	protect_as(call, sodium_mprotect_readonly, PROT_READ);
}

static void allow(struct model *model, const struct call *call)
{
	(void)model;
	protect_as(call, sodium_mprotect_readwrite, PROT_READ | PROT_WRITE);
}

static void look(struct model *model, const struct call *call)
{
	(void)call;
	sodium_free(NULL);
	expect_all(model);
}

static void free_it(void *object)
{
	sodium_free(object);
}

static void forbid_it(void *object)
{
	(void)sodium_mprotect_noaccess(object);
}

static void (*const ways[])(void *) = { free_it, forbid_it };

/* A byte of the canary, or between it and the start of the page. */
static const void *store_before(const struct object *object, uint8_t where)
{
	uintptr_t in_page = (uintptr_t)object->bytes & (page_size() - 1);
	unsigned char *at = object->bytes - 1 - where % CANARY;

	/* Of a large object, or where there is less of it in its first page, the canary alone. */
	if (object->size + CANARY <= page_size() && in_page > CANARY && where & 0x80)
		at = object->bytes - CANARY - 1 - where % (in_page - CANARY);
	*at ^= 1 + where / 2;
	return at < object->bytes - CANARY ? at : object->bytes - CANARY;
}

static bool run_before(struct object *object, const struct call *call)
{
	if (object->protection != (PROT_READ | PROT_WRITE))
		return false;
	corrupted_expect(free_it, object->bytes, "sodium", store_before(object, call->bytes[3]));
	return true;
}

static bool free_twice(struct object *object, const struct call *call)
{
	sodium_free(object->bytes);
	corrupted_expect(ways[call->bytes[3] % 2], object->bytes, "sodium", object->bytes - CANARY);
	return true;
}

/* In a page of its own an object is found by its page, and where it starts is known by the canary. */
static bool point_inside(struct object *object, const struct call *call)
{
	size_t inside = object->size > 1 ? 1 + call->bytes[3] % (object->size - 1) : 0;
	char line[600];

	if (inside == 0)
		return false;
	PROMISE(corrupted_aborts(free_it, object->bytes + inside, line, sizeof(line)));
	PROMISE(strncmp(line, "sealmem: heap \"sodium\" is corrupted: 0x", 39) == 0);
	return true;
}

static bool point_elsewhere(struct object *object, const struct call *call)
{
	(void)object;
	corrupted_expect(ways[call->bytes[3] % 2], (char *)(uintptr_t)call->bytes, "sodium",
			 call->bytes - CANARY);
	return true;
}

static void make_mistake(struct model *model, const struct call *call)
{
	static bool (*const mistakes[])(struct object * object, const struct call *call) = {
		run_before,
		free_twice,
		point_inside,
		point_elsewhere,
	};

	if (call->object->bytes == NULL)
		return;
	model->broken = mistakes[call->bytes[2] % 4](call->object, call);
	/* A handler of SIGABRT may try. Nothing waits, and nothing is given. */
	if (model->broken) {
		sodium_free(call->object->bytes);
		PROMISE(sodium_mprotect_readwrite(call->object->bytes) < 0);
		PROMISE(sodium_malloc(1) == NULL && errno == ENOMEM);
		PROMISE(sodium_malloc(page_size()) == NULL && errno == ENOMEM);
	}
}

static void (*const calls[16])(struct model *model, const struct call *call) = {
	make_one,     make_one,	    make_one, make_one, make_one_of_a_page, make_array,	   release,
	release,      forbid,	    forbid,   allow,	make_readable,	    make_readable, look,
	ask_too_much, make_mistake,
};

static void obey(struct model *model, const uint8_t *bytes)
{
	const struct call call = { &model->objects[bytes[1] % OBJECTS], bytes,
				   bytes[2] + 64 * (size_t)bytes[3] };

	calls[bytes[0] & 15](model, &call);
}

static void end(struct model *model)
{
	if (!model->broken)
		expect_all(model);
	for (size_t i = 0; i < OBJECTS && !model->broken; i++)
		release(model, &(struct call){ .object = &model->objects[i] });
	if (atomic_load(&made) != NULL)
		discard(atomic_exchange(&made, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct model model = { 0 };

	if (size == 0)
		return 0;
	PROMISE(setenv(DROP_IN_VARIABLE, bytes[0] & 1 ? "secrecy" : "", 1) == 0);
	for (size_t at = 1; at + CALL <= size && !model.broken; at += CALL)
		obey(&model, bytes + at);
	end(&model);
	return 0;
}

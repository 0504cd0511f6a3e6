/* SPDX-License-Identifier: MIT */

/*
 * Heaps beside a model of them. An input is a sequence of calls; the model says what each object holds, in which heap, and
 * whether that is open. After each call the object is what the model says, in the end all are, and nothing is left of the
 * heaps. What is done to an object that nobody may do is found, by the heap that it is in.
 *
 * An input:
 *     byte 0   how many heaps: 1 to 4
 *     byte 1   and for each: bits 0-3 the demand, bits 4-5 the limit, rows of the tables below
 *     then for each call
 *     byte 0   bits 0-3 which call, a row of the table below; bits 4-5 the heap; bits 6-7 the low bits of the size
 *     byte 1   the object
 *     byte 2   the size, in units of 4; the demand and limit of a heap that is renewed; what is corrupted
 *     byte 3   the high bits of the size; where it is corrupted
 */

#include "fuzz/corrupted.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "include/sealmem.h"
#include "lib/sys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define HEAPS	4
#define OBJECTS 64
#define CALL	4

/* What is in no object that is larger shares pages. */
#define SMALL_MAX 2040

/* Addresses that are sealed stay until the process ends, so there are not more of such heaps. */
#define SEALED_MOST 200

static const unsigned demands[16] = {
	0,
	SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_NOSWAP,
	SEALMEM_SECRECY,
	SEALMEM_GUARDS,
	SEALMEM_NOSWAP | SEALMEM_NODUMP,
	SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_ADDRESS,
	SEALMEM_ADDRESS | SEALMEM_SECRECY,
	SEALMEM_ADDRESS | SEALMEM_NOSWAP,
	SEALMEM_NOFORK,
	SEALMEM_NODUMP,
	SEALMEM_SECRECY | SEALMEM_GUARDS,
};

static const size_t limits[] = { (size_t)1 << 15, (size_t)1 << 17, (size_t)1 << 20,
				 (size_t)1 << 24 };

/* An object, and the byte that it is full of. */
struct object {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
	uint8_t heap;
};

struct heap {
	struct sealmem_heap *heap; /* NULL: it was corrupted, or the machine has none like it */
	unsigned demand;
	size_t limit, taken;
	unsigned opens;
	char name[16];
};

struct model {
	struct heap heaps[HEAPS];
	struct object objects[OBJECTS];
	size_t heap_count;
	unsigned char last; /* mark */
	bool forked;
};

struct call {
	uint8_t heap, object, bytes[CALL];
	size_t size;
};

static struct heap *heap_of(struct model *model, const struct object *object)
{
	return &model->heaps[object->heap];
}

static bool is_full_of(const struct object *object, size_t size, unsigned char mark)
{
	for (size_t i = 0; i < size; i++)
		if (object->bytes[i] != mark)
			return false;
	return true;
}

static bool is_small(const struct object *object)
{
	return object->size <= SMALL_MAX;
}

/* While the heap is closed, only its own functions reach the object. */
static void expect(struct model *model, const struct object *object)
{
	const struct heap *heap = heap_of(model, object);

	PROMISE(sealmem_heap_usable_size(heap->heap, object->bytes) == object->size);
	if (heap->opens > 0)
		PROMISE(is_full_of(object, object->size, object->mark));
	if (!is_small(object))
		PROMISE(sys_touch(object->bytes + object->size) == -EFAULT);
	if (is_small(object))
		PROMISE((uintptr_t)object->bytes % 16 == 0);
}

static void fill(struct model *model, struct object *object)
{
	bool open = heap_of(model, object)->opens > 0;

	object->mark = open ? ++model->last : 0;
	if (open)
		memset(object->bytes, object->mark, object->size);
}

static void drop(struct model *model, struct object *object)
{
	struct heap *heap = heap_of(model, object);

	if (object->bytes == NULL)
		return;
	expect(model, object);
	sealmem_heap_dealloc(heap->heap, object->bytes);
	heap->taken -= object->size;
	object->bytes = NULL;
}

static void expect_shortage(void)
{
	PROMISE(errno == ENOMEM || errno == EAGAIN);
}

static void count(struct heap *heap, size_t before, size_t now)
{
	heap->taken += now - before;
	PROMISE(heap->taken <= heap->limit);
}

static void allocate(struct model *model, const struct call *call)
{
	struct object *object = &model->objects[call->object];
	struct heap *heap = &model->heaps[call->heap];

	drop(model, object);
	object->bytes = sealmem_heap_alloc(heap->heap, call->size);
	if (object->bytes == NULL) {
		expect_shortage();
		return;
	}
	count(heap, 0, call->size);
	object->heap = call->heap;
	object->size = call->size;
	object->mark = 0;
	expect(model, object);
	fill(model, object);
}

/* More than fits into a slab. */
static void allocate_large(struct model *model, const struct call *call)
{
	struct call larger = *call;

	larger.size = SMALL_MAX + 8 * call->size;
	allocate(model, &larger);
}

static void resize(struct model *model, const struct call *call)
{
	struct object *object = &model->objects[call->object];
	size_t before = object->bytes != NULL ? object->size : 0, size = call->size;
	unsigned char mark = object->mark, *moved;
	struct heap *heap;

	if (object->bytes == NULL)
		object->heap = call->heap;
	heap = heap_of(model, object);
	moved = sealmem_heap_realloc(heap->heap, object->bytes, size);
	if (moved == NULL) {
		expect_shortage();
		if (object->bytes != NULL)
			expect(model, object);
		return;
	}
	count(heap, before, size);
	*object = (struct object){ moved, size, mark, object->heap };
	PROMISE(sealmem_heap_usable_size(heap->heap, moved) == size);
	if (heap->opens > 0)
		PROMISE(is_full_of(object, before < size ? before : size, mark));
	for (size_t i = before; i < size && heap->opens > 0; i++)
		PROMISE(moved[i] == 0);
	/* What a closed heap holds now is not all one byte. */
	if (heap->opens > 0) {
		fill(model, object);
		return;
	}
	sealmem_heap_dealloc(heap->heap, moved);
	heap->taken -= size;
	object->bytes = NULL;
}

static void release(struct model *model, const struct call *call)
{
	drop(model, &model->objects[call->object]);
}

/* What can be reached is what the model says. */
static void expect_access(struct model *model, uint8_t number)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		const struct object *object = &model->objects[i];

		if (object->bytes != NULL && object->heap == number && object->size >= SYS_TOUCHED)
			PROMISE(sys_readable(object->bytes) ==
				(model->heaps[number].opens > 0 ? 0 : -EFAULT));
	}
}

/* Where addresses are sealed, only a protection key can close, which a process with other threads has not. */
static void close_one(struct model *model, const struct call *call)
{
	struct heap *heap = &model->heaps[call->heap];
	int err = sealmem_heap_close(heap->heap);

	if (err == -EOPNOTSUPP && heap->demand & SEALMEM_ADDRESS && heap->opens == 1)
		return;
	PROMISE(err == 0);
	heap->opens -= heap->opens > 0;
	expect_access(model, call->heap);
}

static void open_one(struct model *model, const struct call *call)
{
	PROMISE(sealmem_heap_open(model->heaps[call->heap].heap) == 0);
	model->heaps[call->heap].opens++;
	expect_access(model, call->heap);
}

static void check(struct model *model, const struct call *call)
{
	PROMISE(sealmem_heap_check(model->heaps[call->heap].heap) == 0);
}

static void look(struct model *model, const struct call *call)
{
	struct object *object = &model->objects[call->object];

	PROMISE(sealmem_heap_usable_size(model->heaps[call->heap].heap, NULL) == 0);
	if (object->bytes != NULL)
		expect(model, object);
}

/* An object that nobody has is too large for every heap. */
static void ask_too_much(struct model *model, const struct call *call)
{
	struct heap *heap = &model->heaps[call->heap];

	PROMISE(sealmem_heap_alloc(heap->heap, heap->limit + 1 + call->size) == NULL);
	PROMISE(errno == ENOMEM);
	PROMISE(sealmem_heap_alloc(heap->heap, SIZE_MAX - call->size) == NULL);
	PROMISE(errno == ENOMEM);
}

static void forget_objects(struct model *model, uint8_t number)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (model->objects[i].heap == number)
			model->objects[i].bytes = NULL;
}

static void end_heap(struct model *model, uint8_t number)
{
	forget_objects(model, number);
	PROMISE(sealmem_heap_free(model->heaps[number].heap) == NULL);
	model->heaps[number].heap = NULL;
}

/* In the order of the bytes: bits 0-3 the demand, 4-5 the limit. */
static void begin_heap(struct model *model, uint8_t number, uint8_t terms)
{
	static unsigned sealed;
	struct heap *heap = &model->heaps[number];
	unsigned demand = demands[terms & 15];
	int err;

	if (demand & SEALMEM_ADDRESS && sealed++ >= SEALED_MOST)
		demand &= ~(unsigned)SEALMEM_ADDRESS;
	*heap = (struct heap){ .demand = demand, .limit = limits[terms >> 4 & 3], .opens = 1 };
	(void)snprintf(heap->name, sizeof(heap->name), "heap %u", number);
	err = sealmem_heap_new(&heap->heap, heap->name, heap->limit, demand);
	PROMISE(err == 0 || err == -EOPNOTSUPP || err == -EAGAIN);
	if (err == 0)
		PROMISE((sealmem_heap_guarantees(heap->heap) & demand) == demand);
}

/* All its objects go with it. */
static void renew(struct model *model, const struct call *call)
{
	end_heap(model, call->heap);
	begin_heap(model, call->heap, call->bytes[2]);
}

/* A child has a copy, or nothing, and then each function says so. */
static bool child_fares_well(struct model *model)
{
	bool well = true;

	for (uint8_t i = 0; i < model->heap_count; i++) {
		struct sealmem_heap *h = model->heaps[i].heap;
		bool none =
			h != NULL && model->heaps[i].demand & (SEALMEM_NOFORK | SEALMEM_SECRECY);
		void *object;

		if (h == NULL)
			continue;
		errno = 0;
		object = sealmem_heap_alloc(h, 40);
		well &= none ? object == NULL && errno == ESTALE && sealmem_heap_check(h) == -ESTALE
			     : object != NULL || errno == ENOMEM || errno == EAGAIN;
		sealmem_heap_dealloc(h, object);
		for (size_t j = 0; j < OBJECTS; j++)
			if (model->objects[j].bytes != NULL && model->objects[j].heap == i)
				well &= sealmem_heap_usable_size(h, model->objects[j].bytes) ==
					(none ? 0 : model->objects[j].size);
		well &= sealmem_heap_free(h) == NULL;
	}
	return well;
}

/* The fuzzer has a timer. */
static int status_of(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0)
		PROMISE(errno == EINTR);
	return status;
}

/* Once in an input: it takes as long as hundreds of other calls. */
static void make_child(struct model *model, const struct call *call)
{
	pid_t child;

	(void)call;
	if (model->forked)
		return;
	model->forked = true;
	child = fork();
	PROMISE(child >= 0);
	if (child == 0)
		_exit(child_fares_well(model) ? 0 : 1);
	PROMISE(status_of(child) == 0);
}

/* What is wrong, and by which call it has to be found. */
struct mistake {
	struct sealmem_heap *heap;
	unsigned char *pointer;
	size_t size;
};

static void free_it(void *argument)
{
	const struct mistake *mistake = argument;

	sealmem_heap_dealloc(mistake->heap, mistake->pointer);
}

static void resize_it(void *argument)
{
	const struct mistake *mistake = argument;

	PROMISE(sealmem_heap_realloc(mistake->heap, mistake->pointer, mistake->size) != NULL);
}

static void check_it(void *argument)
{
	const struct mistake *mistake = argument;

	(void)sealmem_heap_check(mistake->heap);
}

static void ask_size(void *argument)
{
	const struct mistake *mistake = argument;

	(void)sealmem_heap_usable_size(mistake->heap, mistake->pointer);
}

/* By which a byte is found that changed, and by which a pointer that is wrong. */
static void (*const ways[])(void *) = { free_it, check_it, resize_it };
static void (*const pointed[])(void *) = { free_it, resize_it, ask_size, free_it };

/* The canary of a small object is after it, that of a large one before it, if there is room in its page. */
static unsigned char *canary_of(const struct object *object, uint8_t where)
{
	uintptr_t in_page = (uintptr_t)object->bytes & ((uintptr_t)sysconf(_SC_PAGESIZE) - 1);

	if (is_small(object))
		return object->bytes + object->size + where % 8;
	return in_page >= 16 ? object->bytes - 1 - where % 8 : NULL;
}

/* A byte beside the object changes. Its size is not what says so. */
static bool overrun(struct model *model, struct object *object, const struct call *call)
{
	const struct heap *heap = heap_of(model, object);
	struct mistake mistake = { heap->heap, object->bytes, object->size };
	unsigned char *at = canary_of(object, call->bytes[3]);

	if (at == NULL || heap->opens == 0)
		return false;
	*at ^= 1 + call->bytes[3] / 2;
	corrupted_expect(ways[(call->bytes[2] >> 4) % (is_small(object) ? 3 : 2)], &mistake,
			 heap->name, at);
	return true;
}

/* A byte of an object that was freed changes, and the next check sees it. A large one has no pages any more. */
static bool use_after_free(struct model *model, struct object *object, const struct call *call)
{
	const struct heap *heap = heap_of(model, object);
	struct mistake mistake = { heap->heap, object->bytes, object->size };
	unsigned char *at = object->bytes + (object->size > 0 ? call->bytes[3] % object->size : 0);

	if (!is_small(object) || heap->opens == 0)
		return false;
	drop(model, object);
	PROMISE(*at == 0);
	*at = 1 + call->bytes[3] / 2;
	corrupted_expect(check_it, &mistake, heap->name, at);
	return true;
}

static bool free_twice(struct model *model, struct object *object, const struct call *call)
{
	const struct heap *heap = heap_of(model, object);
	struct mistake mistake = { heap->heap, object->bytes, call->size };

	drop(model, object);
	corrupted_expect(pointed[call->bytes[2] >> 4 & 3], &mistake, heap->name, mistake.pointer);
	return true;
}

static bool point_inside(struct model *model, struct object *object, const struct call *call)
{
	const struct heap *heap = heap_of(model, object);
	size_t inside = object->size > 1 ? 1 + call->bytes[3] % (object->size - 1) : 0;
	struct mistake mistake = { heap->heap, object->bytes + inside, call->size };

	if (inside == 0)
		return false;
	corrupted_expect(pointed[call->bytes[2] >> 4 & 3], &mistake, heap->name, mistake.pointer);
	return true;
}

/* Of another heap. It is the one that was asked that is of no more use. */
static bool confuse_heaps(struct model *model, struct object *object, const struct call *call)
{
	const struct heap *heap = &model->heaps[call->heap];
	struct mistake mistake = { heap->heap, object->bytes, call->size };

	if (call->heap == object->heap)
		return false;
	corrupted_expect(free_it, &mistake, heap->name, object->bytes);
	return true;
}

/* The heap refuses everything from then on, and the others are what they were. */
static void make_mistake(struct model *model, const struct call *call)
{
	static bool (*const mistakes[])(struct model * model, struct object * object,
					const struct call *call) = {
		overrun, use_after_free, free_twice, point_inside, confuse_heaps,
	};
	struct object *object = &model->objects[call->object];
	size_t which = (call->bytes[2] & 7) % (sizeof(mistakes) / sizeof(*mistakes));
	bool confused = mistakes[which] == confuse_heaps;
	uint8_t number = confused ? call->heap : object->heap;

	if (object->bytes == NULL || !mistakes[which](model, object, call))
		return;
	PROMISE(sealmem_heap_alloc(model->heaps[number].heap, 1) == NULL);
	PROMISE(sealmem_heap_check(model->heaps[number].heap) < 0);
	end_heap(model, number);
}

static void (*const calls[16])(struct model *model, const struct call *call) = {
	allocate, allocate,  allocate, allocate_large, resize,	     resize, resize, release,
	release,  close_one, open_one, check,	       ask_too_much, look,   renew,  make_mistake,
};

/* In the place of a call that few inputs make. */
static void obey(struct model *model, const uint8_t bytes[CALL])
{
	struct call call = { .heap = (uint8_t)((bytes[0] >> 4 & 3) % model->heap_count),
			     .object = bytes[1] % OBJECTS,
			     .size = (size_t)(bytes[0] >> 6) + 4 * (size_t)bytes[2] +
				     256 * (size_t)(bytes[3] & 15) };

	memcpy(call.bytes, bytes, CALL);
	if (model->heaps[call.heap].heap == NULL)
		begin_heap(model, call.heap, bytes[2]);
	if (model->heaps[call.heap].heap == NULL)
		return;
	if (bytes[1] == 0xff && bytes[2] == 0xff)
		make_child(model, &call);
	else
		calls[bytes[0] & 15](model, &call);
}

static void end(struct model *model)
{
	for (uint8_t i = 0; i < model->heap_count; i++)
		if (model->heaps[i].heap != NULL) {
			for (; model->heaps[i].opens == 0; model->heaps[i].opens++)
				PROMISE(sealmem_heap_open(model->heaps[i].heap) == 0);
			PROMISE(sealmem_heap_check(model->heaps[i].heap) == 0);
		}
	for (size_t i = 0; i < OBJECTS; i++)
		drop(model, &model->objects[i]);
	for (uint8_t i = 0; i < model->heap_count; i++)
		if (model->heaps[i].heap != NULL) {
			PROMISE(sealmem_heap_check(model->heaps[i].heap) == 0);
			end_heap(model, i);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct model model = { .heap_count = size > 0 ? 1 + bytes[0] % HEAPS : 0 };
	size_t at = 1 + model.heap_count;

	if (size < at)
		return 0;
	for (uint8_t i = 0; i < model.heap_count; i++)
		begin_heap(&model, i, bytes[1 + i]);
	for (; at + CALL <= size; at += CALL)
		obey(&model, bytes + at);
	end(&model);
	return 0;
}

/* SPDX-License-Identifier: MIT */

/*
 * A heap beside a model of it. An input is a sequence of calls; the model says what each object holds. After each call the
 * object is what the model says, in the end all are, and nothing is left of the heap.
 *
 * An input:
 *     byte 0   the demand, a row of the table below; bit 7: the limit is small
 *     then for each call
 *     byte 0   bits 0-2 which call, 3-7 the low bits of the size
 *     byte 1   the object
 *     byte 2   the high bits of the size: a multiple of 32
 */

#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "include/sealmem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS	    64
#define SMALL_LIMIT ((size_t)1 << 17)
#define LARGE_LIMIT ((size_t)1 << 24)

static const unsigned demands[] = {
	0,
	SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_NOSWAP,
	SEALMEM_SECRECY,
};

/* An object, and the byte that it is full of. */
struct object {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
};

struct model {
	struct sealmem_heap *heap;
	struct object objects[OBJECTS];
	unsigned char last; /* mark */
	bool closed;
};

static bool is_full_of(const struct object *object, size_t size, unsigned char mark)
{
	for (size_t i = 0; i < size; i++)
		if (object->bytes[i] != mark)
			return false;
	return true;
}

/* While the heap is closed, only its own functions reach the object. */
static void expect(const struct model *model, const struct object *object)
{
	PROMISE(sealmem_heap_usable_size(model->heap, object->bytes) == object->size);
	if (!model->closed)
		PROMISE(is_full_of(object, object->size, object->mark));
}

static void fill(struct model *model, struct object *object)
{
	object->mark = model->closed ? 0 : ++model->last;
	if (!model->closed)
		memset(object->bytes, object->mark, object->size);
}

static void drop(struct model *model, struct object *object)
{
	if (object->bytes == NULL)
		return;
	expect(model, object);
	sealmem_heap_dealloc(model->heap, object->bytes);
	object->bytes = NULL;
}

static void allocate(struct model *model, struct object *object, size_t size)
{
	drop(model, object);
	object->bytes = sealmem_heap_alloc(model->heap, size);
	if (object->bytes == NULL) {
		PROMISE(errno == ENOMEM || errno == EAGAIN);
		return;
	}
	object->size = size;
	object->mark = 0;
	expect(model, object);
	fill(model, object);
}

static void resize(struct model *model, struct object *object, size_t size)
{
	size_t before = object->bytes != NULL ? object->size : 0;
	unsigned char mark = object->mark, *moved;

	moved = sealmem_heap_realloc(model->heap, object->bytes, size);
	if (moved == NULL) {
		PROMISE(errno == ENOMEM || errno == EAGAIN);
		return;
	}
	*object = (struct object){ moved, size, mark };
	PROMISE(sealmem_heap_usable_size(model->heap, moved) == size);
	if (!model->closed)
		PROMISE(is_full_of(object, before < size ? before : size, mark));
	for (size_t i = before; i < size && !model->closed; i++)
		PROMISE(moved[i] == 0);
	/* What a closed heap holds now is not all one byte. */
	if (model->closed)
		drop(model, object);
	else
		fill(model, object);
}

static void turn(struct model *model)
{
	int err = model->closed ? sealmem_heap_open(model->heap) : sealmem_heap_close(model->heap);

	PROMISE(err == 0);
	model->closed = !model->closed;
	for (size_t i = 0; i < OBJECTS; i++)
		if (model->objects[i].bytes != NULL && model->objects[i].size > 0)
			PROMISE(sealmem_try_write(model->objects[i].bytes, &model->objects[i].mark,
						  1) == (model->closed ? -EFAULT : 0));
}

static void call(struct model *model, const uint8_t bytes[3])
{
	struct object *object = &model->objects[bytes[1] % OBJECTS];
	size_t size = (size_t)(bytes[0] >> 3) + 32 * (size_t)bytes[2];

	switch (bytes[0] & 7) {
	case 0:
	case 1:
	case 2:
		allocate(model, object, size);
		break;
	case 3:
	case 4:
		resize(model, object, size);
		break;
	case 5:
		drop(model, object);
		break;
	case 6:
		turn(model);
		break;
	default:
		PROMISE(sealmem_heap_check(model->heap) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct model model = { 0 };
	int err;

	if (size == 0)
		return 0;
	err = sealmem_heap_new(&model.heap, "fuzz", bytes[0] & 0x80 ? SMALL_LIMIT : LARGE_LIMIT,
			       demands[bytes[0] % (sizeof(demands) / sizeof(*demands))]);
	if (err < 0) {
		PROMISE(err == -EOPNOTSUPP || err == -EAGAIN);
		return 0;
	}
	for (size_t i = 1; i + 3 <= size; i += 3)
		call(&model, bytes + i);
	if (model.closed)
		turn(&model);
	PROMISE(sealmem_heap_check(model.heap) == 0);
	for (size_t i = 0; i < OBJECTS; i++)
		drop(&model, &model.objects[i]);
	PROMISE(sealmem_heap_check(model.heap) == 0);
	PROMISE(sealmem_heap_free(model.heap) == NULL);
	return 0;
}

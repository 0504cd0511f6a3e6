/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PYTHON_COMMON_H
#define SEALMEM_PYTHON_COMMON_H

/*
 * What the files of the extension share. It uses the stable ABI of Python 3.11, so that one build serves every newer
 * Python.
 *
 * The rule of all types: memory goes only when nobody can read it any more. A view counts with its owner, and so does a
 * call that another thread can overtake because it does not hold the GIL. An owner with a count is not freed:
 * BufferError.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <sealmem.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the module knows: one for each interpreter. */
struct state {
	PyObject *error;
	PyTypeObject *region, *heap, *secret, *publisher, *subscription;
};

/* A region, or one generation of a subscription, which `from` then holds. `views` counts who can reach the bytes. */
struct region {
	PyObject_HEAD struct sealmem_region *region;
	PyObject *from;
	void *last;
	Py_ssize_t views;
	unsigned demand;
	pid_t process;
	bool sealed, stuck;
};

extern PyType_Spec region_spec, heap_spec, secret_spec, publisher_spec, subscription_spec;

/* Raises sealmem.Error for an errno of either sign. Returns NULL. */
PyObject *fail(const struct state *state, int err);
/* None, or an exception for a negative result. */
PyObject *none_or_fail(const struct state *state, int err);

/* For the O& of PyArg_ParseTuple: what does not fit raises OverflowError, what is no int TypeError. */
int to_size(PyObject *object, void *size);
int to_guarantees(PyObject *object, void *guarantees);
int to_descriptor(PyObject *object, void *fd);

static inline struct state *state_of(PyObject *self)
{
	return PyType_GetModuleState(Py_TYPE(self));
}

/* Ends an object of one of the types below, none of which has a subclass. */
void dealloc(PyObject *self);

/* A Region that owns this region; on failure the region is freed. */
PyObject *region_own(const struct state *state, struct sealmem_region *region, unsigned demand,
		     bool sealed);
/* A Region for a generation that was acquired of a subscription. */
PyObject *region_borrow(const struct state *state, const struct sealmem_region *region,
			PyObject *subscription);
/* The region of an argument, or NULL with an exception. */
struct region *region_of(const struct state *state, PyObject *object);

/* What a generation needs of its subscription. */
void subscription_release(PyObject *subscription, const struct sealmem_region *region);

PyObject *module_receive(PyObject *module, PyObject *args, PyObject *names);
PyObject *module_subscribe(PyObject *module, PyObject *args, PyObject *names);
PyObject *module_list_published(PyObject *module, PyObject *args);

#define METHOD(name, function, flags, text)                                                        \
 {                                                                                                 \
  name, (PyCFunction)(void (*)(void))(function), flags, text                                       \
 }
#define SLOT(slot, function)                                                                       \
 {                                                                                                 \
  slot, (void *)(function)                                                                         \
 }

#endif

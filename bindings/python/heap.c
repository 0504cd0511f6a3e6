/* SPDX-License-Identifier: MIT */

/*
 * Heap: memory for secrets that come and go, and Secret: one of them. A secret is wiped when nobody refers to it any more.
 * The heap cannot be closed from Python: a protection key is for one thread, and a view that another thread reads would
 * end the process.
 */

#include "common.h"

struct heap {
	PyObject_HEAD struct sealmem_heap *heap;
	Py_ssize_t secrets;
	pid_t process;
};

/* `heap` is the object, which lives as long as this one. */
struct secret {
	PyObject_HEAD PyObject *heap;
	void *data;
	Py_ssize_t views;
};

static struct heap *as_heap(PyObject *self)
{
	return (struct heap *)(void *)self;
}

static struct secret *as_secret(PyObject *self)
{
	return (struct secret *)(void *)self;
}

static struct heap *living(PyObject *self)
{
	if (!as_heap(self)->heap)
		PyErr_SetString(PyExc_ValueError, "the heap is freed");
	return as_heap(self)->heap ? as_heap(self) : NULL;
}

static struct secret *living_secret(PyObject *self)
{
	if (!as_secret(self)->data)
		PyErr_SetString(PyExc_ValueError, "the secret is freed");
	return as_secret(self)->data ? as_secret(self) : NULL;
}

static struct secret *unshared(PyObject *self, const char *what)
{
	struct secret *s = living_secret(self);

	if (s && s->views > 0) {
		PyErr_Format(PyExc_BufferError, "the secret has views: it cannot be %s", what);
		return NULL;
	}
	return s;
}

static PyObject *heap_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "name", "limit", "guarantees", NULL };
	struct state *state = PyType_GetModuleState(type);
	struct sealmem_heap *heap;
	unsigned guarantees = 0;
	const char *name;
	PyObject *self;
	size_t limit;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, names, "sO&|O&:Heap", known, &name, to_size, &limit,
					 to_guarantees, &guarantees))
		return NULL;
	err = sealmem_heap_new(&heap, name, limit, guarantees);
	if (err < 0)
		return fail(state, err);
	self = PyType_GenericAlloc(type, 0);
	if (!self) {
		(void)sealmem_heap_free(heap);
		return NULL;
	}
	as_heap(self)->heap = heap;
	as_heap(self)->process = getpid();
	return self;
}

static void heap_finish(PyObject *self)
{
	(void)sealmem_heap_free(as_heap(self)->heap);
	dealloc(self);
}

static PyObject *heap_free(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (as_heap(self)->secrets > 0) {
		PyErr_SetString(PyExc_BufferError, "the heap has secrets: it cannot be freed");
		return NULL;
	}
	as_heap(self)->heap = sealmem_heap_free(as_heap(self)->heap);
	Py_RETURN_NONE;
}

static PyObject *heap_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return living(self) ? Py_NewRef(self) : NULL;
}

static PyObject *heap_exit(PyObject *self, PyObject *args)
{
	return heap_free(self, args);
}

static PyObject *heap_alloc(PyObject *self, PyObject *args)
{
	struct state *state = state_of(self);
	struct heap *h = living(self);
	PyObject *secret;
	size_t size;
	void *data;

	if (!h || !PyArg_ParseTuple(args, "O&:alloc", to_size, &size))
		return NULL;
	data = sealmem_heap_alloc(h->heap, size);
	if (!data)
		return fail(state, errno);
	secret = PyType_GenericAlloc(state->secret, 0);
	if (!secret) {
		sealmem_heap_dealloc(h->heap, data);
		return NULL;
	}
	as_secret(secret)->data = data;
	as_secret(secret)->heap = Py_NewRef(self);
	h->secrets++;
	return secret;
}

static PyObject *heap_check(PyObject *self, PyObject *unused)
{
	struct heap *h = living(self);

	(void)unused;
	return h ? none_or_fail(state_of(self), sealmem_heap_check(h->heap)) : NULL;
}

static PyObject *heap_guarantees(PyObject *self, void *unused)
{
	struct heap *h = living(self);

	(void)unused;
	return h ? PyLong_FromUnsignedLong(sealmem_heap_guarantees(h->heap)) : NULL;
}

static void give_back(struct secret *s)
{
	struct heap *h = as_heap(s->heap);

	sealmem_heap_dealloc(h->heap, s->data);
	h->secrets--;
	s->data = NULL;
	Py_CLEAR(s->heap);
}

static void secret_finish(PyObject *self)
{
	if (as_secret(self)->data)
		give_back(as_secret(self));
	dealloc(self);
}

static PyObject *secret_free(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (!as_secret(self)->data)
		Py_RETURN_NONE;
	if (!unshared(self, "freed"))
		return NULL;
	give_back(as_secret(self));
	Py_RETURN_NONE;
}

static PyObject *secret_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return living_secret(self) ? Py_NewRef(self) : NULL;
}

static PyObject *secret_exit(PyObject *self, PyObject *args)
{
	return secret_free(self, args);
}

static PyObject *secret_resize(PyObject *self, PyObject *args)
{
	struct secret *s = unshared(self, "resized");
	size_t size;
	void *data;

	if (!s || !PyArg_ParseTuple(args, "O&:resize", to_size, &size))
		return NULL;
	data = sealmem_heap_realloc(as_heap(s->heap)->heap, s->data, size);
	if (!data)
		return fail(state_of(self), errno);
	s->data = data;
	Py_RETURN_NONE;
}

static Py_ssize_t secret_length(PyObject *self)
{
	struct secret *s = living_secret(self);

	return s ? (Py_ssize_t)sealmem_heap_usable_size(as_heap(s->heap)->heap, s->data) : -1;
}

/* A child of fork(2) has no heap with NOFORK. A load would end it. */
static bool is_mapped(const struct heap *h)
{
	return h->process == getpid() || sealmem_heap_guarantees(h->heap) != 0;
}

static int secret_get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	struct secret *s = living_secret(self);

	view->obj = NULL;
	if (!s)
		return -1;
	if (!is_mapped(as_heap(s->heap))) {
		(void)fail(state_of(self), ESTALE);
		return -1;
	}
	if (PyBuffer_FillInfo(view, self, s->data, secret_length(self), 0, flags) < 0)
		return -1;
	s->views++;
	return 0;
}

static void secret_release_buffer(PyObject *self, Py_buffer *view)
{
	(void)view;
	as_secret(self)->views--;
}

static PyMethodDef heap_methods[] = {
	METHOD("alloc", heap_alloc, METH_VARARGS, "Allocate a secret of so many bytes, zeroed."),
	METHOD("check", heap_check, METH_NOARGS, "Look at every canary and at every freed byte."),
	METHOD("free", heap_free, METH_NOARGS,
	       "Free the heap. BufferError while there are secrets."),
	METHOD("__enter__", heap_enter, METH_NOARGS, NULL),
	METHOD("__exit__", heap_exit, METH_VARARGS, NULL),
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef heap_properties[] = {
	{ "guarantees", heap_guarantees, NULL, "The guarantees in force.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot heap_slots[] = {
	SLOT(Py_tp_new, heap_new),
	SLOT(Py_tp_dealloc, heap_finish),
	SLOT(Py_tp_methods, heap_methods),
	SLOT(Py_tp_getset, heap_properties),
	SLOT(Py_tp_doc, "Heap(name, limit, guarantees=0): memory for secrets that come and go."),
	{ 0, NULL },
};

PyType_Spec heap_spec = {
	.name = "sealmem.Heap",
	.basicsize = sizeof(struct heap),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = heap_slots,
};

static PyMethodDef secret_methods[] = {
	METHOD("resize", secret_resize, METH_VARARGS, "Give the secret another size. It may move."),
	METHOD("free", secret_free, METH_NOARGS,
	       "Wipe the secret and give it back. BufferError while there are views."),
	METHOD("__enter__", secret_enter, METH_NOARGS, NULL),
	METHOD("__exit__", secret_exit, METH_VARARGS, NULL),
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot secret_slots[] = {
	SLOT(Py_tp_dealloc, secret_finish),
	SLOT(Py_tp_methods, secret_methods),
	SLOT(Py_sq_length, secret_length),
	SLOT(Py_bf_getbuffer, secret_get_buffer),
	SLOT(Py_bf_releasebuffer, secret_release_buffer),
	SLOT(Py_tp_doc, "Memory of a heap, which is wiped when nobody refers to it any more."),
	{ 0, NULL },
};

PyType_Spec secret_spec = {
	.name = "sealmem.Secret",
	.basicsize = sizeof(struct secret),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = secret_slots,
};

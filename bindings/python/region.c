/* SPDX-License-Identifier: MIT */

/* Region: memory that is open first and sealed later. */

#include "common.h"

static struct region *as_region(PyObject *self)
{
	return (struct region *)(void *)self;
}

static PyObject *made(PyTypeObject *type)
{
	return PyType_GenericAlloc(type, 0);
}

PyObject *region_own(const struct state *state, struct sealmem_region *region, unsigned demand,
		     bool sealed)
{
	PyObject *self = made(state->region);

	if (!self) {
		(void)sealmem_region_free(region);
		return NULL;
	}
	as_region(self)->region = region;
	as_region(self)->demand = demand;
	as_region(self)->sealed = sealed;
	as_region(self)->process = getpid();
	return self;
}

PyObject *region_borrow(const struct state *state, const struct sealmem_region *region,
			PyObject *subscription)
{
	PyObject *self = made(state->region);

	if (!self) {
		subscription_release(subscription, region);
		return NULL;
	}
	/* Only those functions get it that do not change it. */
	memcpy(&as_region(self)->region, &region, sizeof(region));
	as_region(self)->demand = SEALMEM_CONTENT;
	as_region(self)->sealed = true;
	as_region(self)->process = getpid();
	as_region(self)->from = Py_NewRef(subscription);
	return self;
}

struct region *region_of(const struct state *state, PyObject *object)
{
	if (!PyObject_TypeCheck(object, state->region)) {
		PyErr_SetString(PyExc_TypeError, "a sealmem.Region is needed");
		return NULL;
	}
	if (!as_region(object)->region) {
		PyErr_SetString(PyExc_ValueError, "the region is freed");
		return NULL;
	}
	return as_region(object);
}

/* Its region, or NULL with an exception. */
static struct region *living(PyObject *self)
{
	return region_of(state_of(self), self);
}

/* Its region, if nobody else can reach its bytes. */
static struct region *unshared(PyObject *self, const char *what)
{
	struct region *r = living(self);

	if (r && r->views > 0) {
		PyErr_Format(PyExc_BufferError,
			     "the region has views, or a thread uses it: it cannot be %s", what);
		return NULL;
	}
	return r;
}

/* A child of fork(2) has no open region, and none with NOFORK. A load would end it. */
static bool is_mapped(const struct region *r)
{
	return r->process == getpid() || (sealmem_region_guarantees(r->region) & SEALMEM_CONTENT);
}

static bool is_writable(const struct region *r)
{
	return r->sealed ? !(r->demand & SEALMEM_CONTENT) : !r->stuck;
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	struct region *r = living(self);

	view->obj = NULL;
	if (!r)
		return -1;
	if (!is_mapped(r)) {
		(void)fail(state_of(self), ESTALE);
		return -1;
	}
	if (PyBuffer_FillInfo(view, self, sealmem_region_data(r->region),
			      (Py_ssize_t)sealmem_region_size(r->region), !is_writable(r),
			      flags) < 0)
		return -1;
	r->views++;
	return 0;
}

static void release_buffer(PyObject *self, Py_buffer *view)
{
	(void)view;
	as_region(self)->views--;
}

static Py_ssize_t length(PyObject *self)
{
	struct region *r = living(self);

	return r ? (Py_ssize_t)sealmem_region_size(r->region) : -1;
}

/* Gives back what it has. The caller has made sure that nobody reads it. */
static void give_back(struct region *r)
{
	if (r->from)
		subscription_release(r->from, r->region);
	else
		(void)sealmem_region_free(r->region);
	r->region = NULL;
	Py_CLEAR(r->from);
}

static void finish(PyObject *self)
{
	if (as_region(self)->region)
		give_back(as_region(self));
	dealloc(self);
}

static PyObject *region_free(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (!as_region(self)->region)
		Py_RETURN_NONE;
	if (!unshared(self, "freed"))
		return NULL;
	give_back(as_region(self));
	Py_RETURN_NONE;
}

static PyObject *region_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return living(self) ? Py_NewRef(self) : NULL;
}

static PyObject *region_exit(PyObject *self, PyObject *args)
{
	return region_free(self, args);
}

static PyObject *region_open(PyObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "name", "capacity", "guarantees", NULL };
	struct state *state = PyType_GetModuleState((PyTypeObject *)(void *)type);
	unsigned guarantees = SEALMEM_CONTENT;
	struct sealmem_region *region;
	const char *name;
	size_t capacity;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, names, "sO&|O&:open", known, &name, to_size,
					 &capacity, to_guarantees, &guarantees))
		return NULL;
	err = sealmem_region_new(&region, name, capacity, guarantees);
	return err < 0 ? fail(state, err) : region_own(state, region, guarantees, false);
}

static PyObject *region_from_bytes(PyObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "name", "data", "guarantees", NULL };
	struct state *state = PyType_GetModuleState((PyTypeObject *)(void *)type);
	unsigned guarantees = SEALMEM_CONTENT;
	struct sealmem_region *region;
	Py_buffer data;
	const char *name;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, names, "sy*|O&:from_bytes", known, &name, &data,
					 to_guarantees, &guarantees))
		return NULL;
	Py_BEGIN_ALLOW_THREADS err =
		sealmem_region_new_from(&region, name, data.buf, (size_t)data.len, guarantees);
	Py_END_ALLOW_THREADS
		/* The sentence of the error is that of the last call: what follows makes no other. */
		if (err < 0)(void) fail(state, err);
	PyBuffer_Release(&data);
	return err < 0 ? NULL : region_own(state, region, guarantees, true);
}

/* What from_file() asks of Python, between the two calls that give the GIL back and take it. */
struct asked {
	PyThreadState *thread;
	PyObject *progress, *verify;
};

static int tell_progress(size_t done, size_t total, void *data)
{
	struct asked *asked = data;
	PyObject *answer = NULL;
	int stop;

	PyEval_RestoreThread(asked->thread);
	if (asked->progress)
		answer = PyObject_CallFunction(asked->progress, "nn", (Py_ssize_t)done,
					       (Py_ssize_t)total);
	stop = (asked->progress && !answer) || PyErr_CheckSignals() < 0;
	Py_XDECREF(answer);
	asked->thread = PyEval_SaveThread();
	return stop;
}

/* Python gets a copy: it could keep a view of the bytes when they are gone. */
static int ask_verify(const void *bytes, size_t size, void *data)
{
	struct asked *asked = data;
	PyObject *answer = NULL;
	bool refused = false;

	if (!asked->verify)
		return 0;
	PyEval_RestoreThread(asked->thread);
	answer = PyObject_CallFunction(asked->verify, "y#", (const char *)bytes, (Py_ssize_t)size);
	refused = !answer || answer == Py_False;
	Py_XDECREF(answer);
	asked->thread = PyEval_SaveThread();
	return refused;
}

static PyObject *callable_or_null(PyObject *object)
{
	return object == Py_None ? NULL : object;
}

static PyObject *region_from_file(PyObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = {
		"name", "file", "limit", "guarantees", "progress", "verify", NULL
	};
	struct state *state = PyType_GetModuleState((PyTypeObject *)(void *)type);
	PyObject *progress = Py_None, *verify = Py_None;
	unsigned guarantees = SEALMEM_CONTENT;
	struct sealmem_region *region;
	struct asked asked;
	const char *name;
	size_t limit;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "sO&O&|O&OO:from_file", known, &name,
					 to_descriptor, &fd, to_size, &limit, to_guarantees,
					 &guarantees, &progress, &verify))
		return NULL;
	asked.progress = callable_or_null(progress);
	asked.verify = callable_or_null(verify);
	asked.thread = PyEval_SaveThread();
	err = sealmem_region_new_from_file_with(&region, name, fd, limit, guarantees, tell_progress,
						ask_verify, &asked);
	PyEval_RestoreThread(asked.thread);
	if (err < 0)
		return PyErr_Occurred() ? NULL : fail(state, err);
	return region_own(state, region, guarantees, true);
}

static PyObject *region_accept(PyObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "fd", "guarantees", "limit", NULL };
	struct state *state = PyType_GetModuleState((PyTypeObject *)(void *)type);
	unsigned guarantees = SEALMEM_CONTENT;
	struct sealmem_region *region;
	size_t limit = SIZE_MAX;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "O&|O&O&:accept", known, to_descriptor, &fd,
					 to_guarantees, &guarantees, to_size, &limit))
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = sealmem_region_accept_limited(&region, fd, limit, guarantees);
	Py_END_ALLOW_THREADS return err < 0 ? fail(state, err)
					    : region_own(state, region, guarantees, true);
}

PyObject *module_receive(PyObject *module, PyObject *args, PyObject *names)
{
	static char *known[] = { "socket", "guarantees", "limit", NULL };
	const struct state *state = PyModule_GetState(module);
	unsigned guarantees = SEALMEM_CONTENT;
	struct sealmem_region *region;
	size_t limit = SIZE_MAX;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "O&|O&O&:receive", known, to_descriptor, &fd,
					 to_guarantees, &guarantees, to_size, &limit))
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = sealmem_receive_limited(fd, &region, limit, guarantees);
	Py_END_ALLOW_THREADS return err < 0 ? fail(state, err)
					    : region_own(state, region, guarantees, true);
}

static PyObject *region_restore(PyObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "fd", "name", "guarantees", NULL };
	struct state *state = PyType_GetModuleState((PyTypeObject *)(void *)type);
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_SECRECY;
	struct sealmem_region *region;
	const char *name;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "O&s|O&:restore", known, to_descriptor, &fd,
					 &name, to_guarantees, &guarantees))
		return NULL;
	err = sealmem_secret_restore(&region, fd, name, guarantees);
	return err < 0 ? fail(state, err) : region_own(state, region, guarantees, true);
}

/* A view of one piece: a slice of the view of all. */
static PyObject *view_of(PyObject *self, size_t offset, size_t size)
{
	PyObject *from = PyLong_FromSize_t(offset), *to = PyLong_FromSize_t(offset + size);
	PyObject *slice = from && to ? PySlice_New(from, to, NULL) : NULL;
	PyObject *all = slice ? PyMemoryView_FromObject(self) : NULL;
	PyObject *piece = all ? PyObject_GetItem(all, slice) : NULL;

	Py_XDECREF(all);
	Py_XDECREF(slice);
	Py_XDECREF(to);
	Py_XDECREF(from);
	return piece;
}

static PyObject *view_of_last(PyObject *self, void *piece, size_t size)
{
	struct region *r = as_region(self);
	const char *start = sealmem_region_data(r->region);

	if (!piece)
		return fail(state_of(self), errno);
	r->last = piece;
	return view_of(self, (size_t)((const char *)piece - start), size);
}

static PyObject *region_alloc(PyObject *self, PyObject *args, PyObject *names)
{
	static char *known[] = { "size", "align", NULL };
	struct region *r = living(self);
	size_t size, align = 0;

	if (!r || !PyArg_ParseTupleAndKeywords(args, names, "O&|O&:alloc", known, to_size, &size,
					       to_size, &align))
		return NULL;
	/* A generation belongs to its subscription, and is sealed as well. */
	return r->from ? fail(state_of(self), EPERM)
		       : view_of_last(self, sealmem_region_alloc(r->region, size, align), size);
}

static PyObject *region_realloc(PyObject *self, PyObject *args)
{
	struct region *r = unshared(self, "resized");
	size_t size;

	if (!r || !PyArg_ParseTuple(args, "O&:realloc", to_size, &size))
		return NULL;
	return r->from ? fail(state_of(self), EPERM)
		       : view_of_last(self, sealmem_region_realloc(r->region, r->last, size), size);
}

static PyObject *region_trim(PyObject *self, PyObject *args)
{
	struct region *r = unshared(self, "trimmed");
	size_t size;

	if (!r || !PyArg_ParseTuple(args, "O&:trim", to_size, &size))
		return NULL;
	return none_or_fail(state_of(self),
			    r->from ? -EPERM : sealmem_region_trim(r->region, size));
}

static PyObject *region_seal(PyObject *self, PyObject *unused)
{
	struct region *r = living(self);
	int err;

	(void)unused;
	if (!r || (!r->sealed && !unshared(self, "sealed")))
		return NULL;
	if (r->sealed)
		Py_RETURN_NONE;
	/* No view can begin while the pages change their protection: a store to one would end the process. So the region
	 * counts as freed meanwhile for everybody but this call. */
	struct sealmem_region *region = r->region;

	r->region = NULL;
	Py_BEGIN_ALLOW_THREADS err = sealmem_region_seal(region);
	Py_END_ALLOW_THREADS r->region = region;
	r->sealed = err == 0;
	r->stuck = r->stuck || err == -ENOTRECOVERABLE;
	return none_or_fail(state_of(self), err);
}

static PyObject *region_send(PyObject *self, PyObject *args)
{
	struct region *r = living(self);
	int err, fd;

	if (!r || !PyArg_ParseTuple(args, "O&:send", to_descriptor, &fd))
		return NULL;
	r->views++;
	Py_BEGIN_ALLOW_THREADS err = sealmem_send(fd, r->region);
	Py_END_ALLOW_THREADS r->views--;
	return none_or_fail(state_of(self), err);
}

static PyObject *number_or_fail(PyObject *self, int number)
{
	return number < 0 ? fail(state_of(self), number) : PyLong_FromLong(number);
}

static PyObject *region_fileno(PyObject *self, PyObject *unused)
{
	struct region *r = living(self);

	(void)unused;
	return r ? number_or_fail(self, sealmem_region_fd(r->region)) : NULL;
}

static PyObject *region_store(PyObject *self, PyObject *unused)
{
	struct region *r = living(self);

	(void)unused;
	return r ? number_or_fail(self, sealmem_secret_store(r->region)) : NULL;
}

static PyObject *region_keep_available(PyObject *self, PyObject *unused)
{
	struct region *r = living(self);

	(void)unused;
	if (!r)
		return NULL;
	return none_or_fail(state_of(self), sealmem_keep_available(sealmem_region_data(r->region),
								   sealmem_region_size(r->region)));
}

static PyObject *region_try_write(PyObject *self, PyObject *args, PyObject *names)
{
	static char *known[] = { "data", "offset", NULL };
	struct region *r = living(self);
	size_t offset = 0, size;
	Py_buffer data;
	int err = 0;

	if (!r || !PyArg_ParseTupleAndKeywords(args, names, "y*|O&:try_write", known, &data,
					       to_size, &offset))
		return NULL;
	size = sealmem_region_size(r->region);
	if (offset > size || (size_t)data.len > size - offset)
		PyErr_SetString(PyExc_ValueError, "the store would leave the region");
	else
		err = sealmem_try_write((char *)sealmem_region_data(r->region) + offset, data.buf,
					(size_t)data.len);
	if (err < 0)
		(void)fail(state_of(self), err);
	PyBuffer_Release(&data);
	return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *region_get_name(PyObject *self, void *unused)
{
	struct region *r = living(self);
	const char *name = r ? sealmem_region_name(r->region) : NULL;

	(void)unused;
	/* A sender may have chosen bytes that are no text. */
	return name ? PyUnicode_DecodeFSDefault(name) : NULL;
}

static PyObject *region_get_guarantees(PyObject *self, void *unused)
{
	struct region *r = living(self);

	(void)unused;
	return r ? PyLong_FromUnsignedLong(sealmem_region_guarantees(r->region)) : NULL;
}

static PyObject *region_get_sealed(PyObject *self, void *unused)
{
	struct region *r = living(self);

	(void)unused;
	return r ? PyBool_FromLong(r->sealed) : NULL;
}

static PyObject *region_get_freed(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(!as_region(self)->region);
}

static PyObject *region_get_address(PyObject *self, void *unused)
{
	struct region *r = living(self);

	(void)unused;
	return r ? PyLong_FromVoidPtr(sealmem_region_data(r->region)) : NULL;
}

#define OF_TYPE (METH_VARARGS | METH_KEYWORDS | METH_CLASS)
#define NAMED	(METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
	METHOD("open", region_open, OF_TYPE, "Make an open region of a capacity in bytes."),
	METHOD("from_bytes", region_from_bytes, OF_TYPE,
	       "Make a sealed region with a copy of a buffer."),
	METHOD("from_file", region_from_file, OF_TYPE,
	       "Make a sealed region of all that a file, a pipe or a socket gives."),
	METHOD("accept", region_accept, OF_TYPE,
	       "Take a descriptor, but only if nobody can change what it holds."),
	METHOD("restore", region_restore, OF_TYPE,
	       "Take back what store() stored, and close the descriptor."),
	METHOD("alloc", region_alloc, NAMED,
	       "Take a piece of an open region: a view that is writable."),
	METHOD("realloc", region_realloc, METH_VARARGS, "Give the last piece another size."),
	METHOD("trim", region_trim, METH_VARARGS, "Take back what lies after the first bytes."),
	METHOD("seal", region_seal, METH_NOARGS,
	       "Seal the region in place. BufferError while there are views of it."),
	METHOD("send", region_send, METH_VARARGS, "Send a sealed region over a Unix socket."),
	METHOD("fileno", region_fileno, METH_NOARGS,
	       "The descriptor of a sealed region, which stays the region's."),
	METHOD("store", region_store, METH_NOARGS,
	       "Copy a sealed secret for a service manager; returns a descriptor."),
	METHOD("keep_available", region_keep_available, METH_NOARGS,
	       "Refuse what mseal(2) leaves open on the pages."),
	METHOD("try_write", region_try_write, NAMED,
	       "Try a store as the kernel would refuse it, without the signal."),
	METHOD("free", region_free, METH_NOARGS,
	       "Free the region. BufferError while there are views."),
	METHOD("__enter__", region_enter, METH_NOARGS, NULL),
	METHOD("__exit__", region_exit, METH_VARARGS, NULL),
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef properties[] = {
	{ "name", region_get_name, NULL, "The name of the region.", NULL },
	{ "guarantees", region_get_guarantees, NULL, "The guarantees in force.", NULL },
	{ "sealed", region_get_sealed, NULL, "Whether the region is sealed.", NULL },
	{ "freed", region_get_freed, NULL, "Whether the region is freed.", NULL },
	{ "address", region_get_address, NULL, "The address, which never changes.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
	SLOT(Py_tp_dealloc, finish),
	SLOT(Py_tp_methods, methods),
	SLOT(Py_tp_getset, properties),
	SLOT(Py_sq_length, length),
	SLOT(Py_bf_getbuffer, get_buffer),
	SLOT(Py_bf_releasebuffer, release_buffer),
	SLOT(Py_tp_doc,
	     "Memory that is open first and sealed later, at an address that never changes."),
	{ 0, NULL },
};

PyType_Spec region_spec = {
	.name = "sealmem.Region",
	.basicsize = sizeof(struct region),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = slots,
};

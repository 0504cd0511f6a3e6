/* SPDX-License-Identifier: MIT */

/* Publisher and Subscription: data that is sealed once, read by many, and replaced as a whole. */

#include "common.h"

/* It holds the socket, which has to live longer, and the function that decides. */
struct publisher {
	PyObject_HEAD struct sealmem_publisher *publisher;
	PyObject *socket, *admit;
	bool dispatching;
};

struct subscription {
	PyObject_HEAD struct sealmem_subscription *subscription;
	Py_ssize_t generations;
};

static struct publisher *as_publisher(PyObject *self)
{
	return (struct publisher *)(void *)self;
}

static struct subscription *as_subscription(PyObject *self)
{
	return (struct subscription *)(void *)self;
}

static struct sealmem_publisher *publisher_of(PyObject *self)
{
	if (!as_publisher(self)->publisher)
		PyErr_SetString(PyExc_ValueError, "the publisher is freed");
	return as_publisher(self)->publisher;
}

static struct sealmem_subscription *subscription_of(PyObject *self)
{
	if (!as_subscription(self)->subscription)
		PyErr_SetString(PyExc_ValueError, "the subscription is freed");
	return as_subscription(self)->subscription;
}

static PyObject *publisher_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
	static char *known[] = { "socket", NULL };
	struct sealmem_publisher *publisher;
	PyObject *socket, *self;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "O:Publisher", known, &socket) ||
	    !to_descriptor(socket, &fd))
		return NULL;
	err = sealmem_publisher_new(&publisher, fd);
	if (err < 0)
		return fail(PyType_GetModuleState(type), err);
	self = PyType_GenericAlloc(type, 0);
	if (!self) {
		(void)sealmem_publisher_free(publisher);
		return NULL;
	}
	as_publisher(self)->publisher = publisher;
	as_publisher(self)->socket = Py_NewRef(socket);
	return self;
}

static int publisher_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(as_publisher(self)->socket);
	Py_VISIT(as_publisher(self)->admit);
	return 0;
}

/* Nobody asks a function that is gone. */
static int publisher_clear(PyObject *self)
{
	struct publisher *p = as_publisher(self);

	p->publisher = sealmem_publisher_free(p->publisher);
	Py_CLEAR(p->socket);
	Py_CLEAR(p->admit);
	return 0;
}

static void publisher_finish(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	(void)publisher_clear(self);
	dealloc(self);
}

static PyObject *publisher_free(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (as_publisher(self)->dispatching)
		return fail(state_of(self), EBUSY);
	(void)publisher_clear(self);
	Py_RETURN_NONE;
}

static PyObject *publisher_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return publisher_of(self) ? Py_NewRef(self) : NULL;
}

static PyObject *publisher_exit(PyObject *self, PyObject *args)
{
	return publisher_free(self, args);
}

static PyObject *publisher_publish(PyObject *self, PyObject *args, PyObject *names)
{
	static char *known[] = { "region", "label", "name", NULL };
	struct sealmem_publisher *p = publisher_of(self);
	const char *label = NULL, *name = NULL;
	struct region *r;
	PyObject *object;
	int err;

	if (!p || !PyArg_ParseTupleAndKeywords(args, names, "O|zz:publish", known, &object, &label,
					       &name))
		return NULL;
	r = region_of(state_of(self), object);
	if (!r)
		return NULL;
	if (name)
		err = sealmem_publish_named(p, r->region, name, label ? label : "");
	else if (label)
		err = sealmem_publish_labelled(p, r->region, label);
	else
		err = sealmem_publish(p, r->region);
	return none_or_fail(state_of(self), err);
}

static PyObject *publisher_announce(PyObject *self, PyObject *args)
{
	struct sealmem_publisher *p = publisher_of(self);
	const char *name;

	if (!p || !PyArg_ParseTuple(args, "s:announce", &name))
		return NULL;
	return none_or_fail(state_of(self), sealmem_publisher_announce(p, name));
}

static PyObject *publisher_continue_from(PyObject *self, PyObject *args)
{
	struct sealmem_publisher *p = publisher_of(self);
	size_t generation;

	if (!p || !PyArg_ParseTuple(args, "O&:continue_from", to_size, &generation))
		return NULL;
	return none_or_fail(state_of(self), sealmem_publisher_continue(p, generation));
}

static PyObject *publisher_reserve(PyObject *self, PyObject *unused)
{
	struct sealmem_publisher *p = publisher_of(self);
	uint64_t number;
	int err;

	(void)unused;
	if (!p)
		return NULL;
	err = sealmem_publisher_reserve(p, &number);
	return err < 0 ? fail(state_of(self), err) : PyLong_FromUnsignedLongLong(number);
}

static PyObject *publisher_generation(PyObject *self, PyObject *args)
{
	struct sealmem_publisher *p = publisher_of(self);
	const char *name = NULL;

	if (!p || !PyArg_ParseTuple(args, "|z:generation", &name))
		return NULL;
	return PyLong_FromUnsignedLongLong(sealmem_publisher_generation(p, name));
}

static PyObject *publisher_fileno(PyObject *self, PyObject *unused)
{
	struct sealmem_publisher *p = publisher_of(self);

	(void)unused;
	return p ? PyLong_FromLong(sealmem_publisher_fd(p)) : NULL;
}

/* dispatch() keeps the GIL, because it does not wait. An exception is printed, and refuses. */
static int ask_admission(const struct sealmem_peer *peer, const char *name, void *data)
{
	PyObject *admit = as_publisher(data)->admit;
	PyObject *answer = PyObject_CallFunction(admit, "(iIIi)z", peer->pid, peer->uid, peer->gid,
						 peer->socket, name);
	int admitted = answer ? PyObject_IsTrue(answer) : -1;

	Py_XDECREF(answer);
	if (admitted < 0)
		PyErr_WriteUnraisable(admit);
	return admitted > 0 ? 0 : 1;
}

static PyObject *publisher_dispatch(PyObject *self, PyObject *unused)
{
	struct sealmem_publisher *p = publisher_of(self);
	int err;

	(void)unused;
	if (!p)
		return NULL;
	if (as_publisher(self)->dispatching)
		return fail(state_of(self), EBUSY);
	as_publisher(self)->dispatching = true;
	err = sealmem_publisher_dispatch(p);
	as_publisher(self)->dispatching = false;
	return none_or_fail(state_of(self), err);
}

static PyObject *publisher_set_admission(PyObject *self, PyObject *admit)
{
	struct sealmem_publisher *p = publisher_of(self);
	PyObject *old = as_publisher(self)->admit;
	bool everybody = admit == Py_None;
	int err;

	if (!p)
		return NULL;
	if (!everybody && !PyCallable_Check(admit))
		return PyErr_Format(PyExc_TypeError, "a callable or None is needed");
	err = sealmem_publisher_set_admission(p, everybody ? NULL : ask_admission, self);
	if (err < 0)
		return fail(state_of(self), err);
	as_publisher(self)->admit = everybody ? NULL : Py_NewRef(admit);
	Py_XDECREF(old);
	Py_RETURN_NONE;
}

static PyObject *publisher_set_limits(PyObject *self, PyObject *args, PyObject *names)
{
	static char *known[] = { "clients", "clients_of_user", "names_of_client", NULL };
	struct sealmem_publisher *p = publisher_of(self);
	struct sealmem_publisher_limits limits;

	if (!p ||
	    !PyArg_ParseTupleAndKeywords(args, names, "O&O&O&:set_limits", known, to_guarantees,
					 &limits.clients, to_guarantees, &limits.clients_of_user,
					 to_guarantees, &limits.names_of_client))
		return NULL;
	return none_or_fail(state_of(self), sealmem_publisher_set_limits(p, &limits));
}

/* The list, and the thread that has given the GIL back. */
struct listing {
	PyThreadState *thread;
	PyObject *list;
};

static int add_published(const struct sealmem_published *one, void *data)
{
	struct listing *listing = data;
	PyObject *row;
	int err;

	PyEval_RestoreThread(listing->thread);
	row = Py_BuildValue("NNKKII", PyUnicode_DecodeFSDefault(one->name),
			    PyUnicode_DecodeFSDefault(one->label),
			    (unsigned long long)one->generation, (unsigned long long)one->size,
			    one->subscribers, one->holders);
	err = row ? PyList_Append(listing->list, row) : -1;
	Py_XDECREF(row);
	listing->thread = PyEval_SaveThread();
	return err < 0 ? -ECANCELED : 0;
}

PyObject *module_list_published(PyObject *module, PyObject *args)
{
	struct listing listing = { NULL, NULL };
	int err, fd;

	if (!PyArg_ParseTuple(args, "O&:list_published", to_descriptor, &fd))
		return NULL;
	listing.list = PyList_New(0);
	if (!listing.list)
		return NULL;
	listing.thread = PyEval_SaveThread();
	err = sealmem_list_published(fd, add_published, &listing);
	PyEval_RestoreThread(listing.thread);
	if (err == 0)
		return listing.list;
	if (!PyErr_Occurred())
		(void)fail(PyModule_GetState(module), err);
	Py_DECREF(listing.list);
	return NULL;
}

PyObject *module_subscribe(PyObject *module, PyObject *args, PyObject *names)
{
	static char *known[] = { "socket", "name", "limit", "guarantees", NULL };
	struct state *state = PyModule_GetState(module);
	struct sealmem_subscription *subscription;
	unsigned guarantees = SEALMEM_CONTENT;
	const char *name;
	PyObject *self;
	size_t limit;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "O&sO&|O&:subscribe", known, to_descriptor,
					 &fd, &name, to_size, &limit, to_guarantees, &guarantees))
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = sealmem_subscribe(&subscription, fd, name, limit, guarantees);
	Py_END_ALLOW_THREADS if (err < 0) return fail(state, err);
	self = PyType_GenericAlloc(state->subscription, 0);
	if (self)
		as_subscription(self)->subscription = subscription;
	else
		(void)sealmem_subscription_free(subscription);
	return self;
}

void subscription_release(PyObject *subscription, const struct sealmem_region *region)
{
	sealmem_subscription_release(as_subscription(subscription)->subscription, region);
	as_subscription(subscription)->generations--;
}

static void subscription_finish(PyObject *self)
{
	(void)sealmem_subscription_free(as_subscription(self)->subscription);
	dealloc(self);
}

static PyObject *subscription_free(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (as_subscription(self)->generations > 0) {
		PyErr_SetString(PyExc_BufferError,
				"generations of the subscription are in use: it cannot be freed");
		return NULL;
	}
	as_subscription(self)->subscription =
		sealmem_subscription_free(as_subscription(self)->subscription);
	Py_RETURN_NONE;
}

static PyObject *subscription_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return subscription_of(self) ? Py_NewRef(self) : NULL;
}

static PyObject *subscription_exit(PyObject *self, PyObject *args)
{
	return subscription_free(self, args);
}

static PyObject *subscription_update(PyObject *self, PyObject *unused)
{
	struct sealmem_subscription *s = subscription_of(self);
	int newer = s ? sealmem_subscription_update(s) : 0;

	(void)unused;
	if (!s)
		return NULL;
	return newer < 0 ? fail(state_of(self), newer) : PyBool_FromLong(newer);
}

static PyObject *subscription_reconnect(PyObject *self, PyObject *args)
{
	struct sealmem_subscription *s = subscription_of(self);
	int fd;

	if (!s || !PyArg_ParseTuple(args, "O&:reconnect", to_descriptor, &fd))
		return NULL;
	return none_or_fail(state_of(self), sealmem_subscription_reconnect(s, fd));
}

static PyObject *subscription_acquire(PyObject *self, PyObject *unused)
{
	struct sealmem_subscription *s = subscription_of(self);
	const struct sealmem_region *region;

	(void)unused;
	if (!s)
		return NULL;
	region = sealmem_subscription_acquire(s);
	if (!region)
		return fail(state_of(self), ESTALE);
	as_subscription(self)->generations++;
	return region_borrow(state_of(self), region, self);
}

static PyObject *subscription_fileno(PyObject *self, PyObject *unused)
{
	struct sealmem_subscription *s = subscription_of(self);

	(void)unused;
	return s ? PyLong_FromLong(sealmem_subscription_fd(s)) : NULL;
}

static PyObject *subscription_generation(PyObject *self, void *unused)
{
	struct sealmem_subscription *s = subscription_of(self);

	(void)unused;
	return s ? PyLong_FromUnsignedLongLong(sealmem_subscription_generation(s)) : NULL;
}

#define NAMED (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef publisher_methods[] = {
	METHOD("publish", publisher_publish, NAMED,
	       "Publish a sealed region under its name, or another one."),
	METHOD("announce", publisher_announce, METH_VARARGS,
	       "Say that a name is going to be published."),
	METHOD("continue_from", publisher_continue_from, METH_VARARGS,
	       "Number later generations above this one."),
	METHOD("reserve", publisher_reserve, METH_NOARGS,
	       "The number that the next generation will have."),
	METHOD("generation", publisher_generation, METH_VARARGS,
	       "The newest number of a name, or of all."),
	METHOD("fileno", publisher_fileno, METH_NOARGS,
	       "Readable when dispatch() has something to do."),
	METHOD("dispatch", publisher_dispatch, METH_NOARGS,
	       "Do what is to be done now, without waiting."),
	METHOD("set_admission", publisher_set_admission, METH_O,
	       "Have admit((pid, uid, gid, socket), name) decide who gets what; None admits all."),
	METHOD("set_limits", publisher_set_limits, NAMED, "The most that others can take."),
	METHOD("free", publisher_free, METH_NOARGS, "Close all connections."),
	METHOD("__enter__", publisher_enter, METH_NOARGS, NULL),
	METHOD("__exit__", publisher_exit, METH_VARARGS, NULL),
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot publisher_slots[] = {
	SLOT(Py_tp_new, publisher_new),
	SLOT(Py_tp_dealloc, publisher_finish),
	SLOT(Py_tp_traverse, publisher_traverse),
	SLOT(Py_tp_clear, publisher_clear),
	SLOT(Py_tp_methods, publisher_methods),
	SLOT(Py_tp_doc,
	     "Publisher(socket): gives regions by name to who connects to a listening socket."),
	{ 0, NULL },
};

PyType_Spec publisher_spec = {
	.name = "sealmem.Publisher",
	.basicsize = sizeof(struct publisher),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = publisher_slots,
};

static PyMethodDef subscription_methods[] = {
	METHOD("update", subscription_update, METH_NOARGS,
	       "Take the newest generation if it has come; whether there is one."),
	METHOD("reconnect", subscription_reconnect, METH_VARARGS, "Go on with another connection."),
	METHOD("acquire", subscription_acquire, METH_NOARGS, "The newest generation, as a Region."),
	METHOD("fileno", subscription_fileno, METH_NOARGS,
	       "Readable when update() has something to do."),
	METHOD("free", subscription_free, METH_NOARGS,
	       "Close the connection. BufferError while generations are in use."),
	METHOD("__enter__", subscription_enter, METH_NOARGS, NULL),
	METHOD("__exit__", subscription_exit, METH_VARARGS, NULL),
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef subscription_properties[] = {
	{ "generation", subscription_generation, NULL, "The number of the newest generation.",
	  NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot subscription_slots[] = {
	SLOT(Py_tp_dealloc, subscription_finish),
	SLOT(Py_tp_methods, subscription_methods),
	SLOT(Py_tp_getset, subscription_properties),
	SLOT(Py_tp_doc, "The newest generation of one name, and those that are still read."),
	{ 0, NULL },
};

PyType_Spec subscription_spec = {
	.name = "sealmem.Subscription",
	.basicsize = sizeof(struct subscription),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = subscription_slots,
};

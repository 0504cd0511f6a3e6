/* SPDX-License-Identifier: MIT */

/* The module sealmem._sealmem: the types, the functions that stand alone, and the numbers of the library. */

#include "common.h"

#include <limits.h>

PyMODINIT_FUNC PyInit__sealmem(void);

PyObject *fail(const struct state *state, int err)
{
	PyObject *error =
		PyObject_CallFunction(state->error, "is", abs(err), sealmem_strerror(err));

	if (error)
		PyErr_SetObject(state->error, error);
	Py_XDECREF(error);
	return NULL;
}

PyObject *none_or_fail(const struct state *state, int err)
{
	return err < 0 ? fail(state, err) : Py_NewRef(Py_None);
}

int to_size(PyObject *object, void *size)
{
	size_t *ret = size;

	*ret = PyLong_AsSize_t(object);
	return !PyErr_Occurred();
}

int to_guarantees(PyObject *object, void *guarantees)
{
	unsigned long value = PyLong_AsUnsignedLong(object);
	unsigned *ret = guarantees;

	if (!PyErr_Occurred() && value > UINT_MAX)
		PyErr_SetString(PyExc_OverflowError, "a set of bits is too large");
	*ret = (unsigned)value;
	return !PyErr_Occurred();
}

int to_descriptor(PyObject *object, void *fd)
{
	int *ret = fd;

	*ret = PyObject_AsFileDescriptor(object);
	return *ret >= 0;
}

void dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	release(self);
	Py_DECREF(type);
}

static PyObject *version(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return PyUnicode_FromString(sealmem_version());
}

static PyObject *page_size(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return PyLong_FromSize_t(sealmem_page_size());
}

static PyObject *supported(PyObject *module, PyObject *unused)
{
	unsigned found;

	(void)module;
	(void)unused;
	Py_BEGIN_ALLOW_THREADS found = sealmem_supported();
	Py_END_ALLOW_THREADS return PyLong_FromUnsignedLong(found);
}

static PyObject *guarantee_name(PyObject *module, PyObject *args)
{
	unsigned guarantee;

	(void)module;
	if (!PyArg_ParseTuple(args, "O&:guarantee_name", to_guarantees, &guarantee))
		return NULL;
	return Py_BuildValue("z", sealmem_guarantee_name(guarantee));
}

static PyObject *allow_emulation(PyObject *module, PyObject *unused)
{
	(void)unused;
	return none_or_fail(PyModule_GetState(module), sealmem_allow_emulation());
}

static PyObject *report_faults(PyObject *module, PyObject *unused)
{
	(void)unused;
	return none_or_fail(PyModule_GetState(module), sealmem_report_faults());
}

static PyObject *report_value(const struct sealmem_image_report *r)
{
	return Py_BuildValue("IIIII(In)(In)(In)(In)(In)", r->objects, r->left, r->lazy,
			     r->excluding, r->marked, r->text.guarantees, (Py_ssize_t)r->text.size,
			     r->read_only.guarantees, (Py_ssize_t)r->read_only.size,
			     r->relro.guarantees, (Py_ssize_t)r->relro.size, r->vdso.guarantees,
			     (Py_ssize_t)r->vdso.size, r->data.guarantees,
			     (Py_ssize_t)r->data.size);
}

/* With the GIL: no thread of Python loads an object meanwhile. */
static PyObject *seal_image(PyObject *module, PyObject *args)
{
	struct sealmem_image_report report;
	unsigned flags = 0;
	int err;

	if (!PyArg_ParseTuple(args, "|O&:seal_image", to_guarantees, &flags))
		return NULL;
	err = sealmem_seal_image(flags, &report);
	return err < 0 ? fail(PyModule_GetState(module), err) : report_value(&report);
}

static PyObject *seal_loaded(PyObject *module, PyObject *args)
{
	struct sealmem_image_report report;
	unsigned flags = 0;
	size_t handle;
	int err;

	if (!PyArg_ParseTuple(args, "O&|O&:seal_loaded", to_size, &handle, to_guarantees, &flags))
		return NULL;
	err = sealmem_seal_loaded((void *)handle, flags, &report);
	return err < 0 ? fail(PyModule_GetState(module), err) : report_value(&report);
}

/* Python gets a copy: the bytes are mapped for the call only. */
static int ask_verify(const void *bytes, size_t size, void *verify)
{
	PyObject *answer =
		PyObject_CallFunction(verify, "y#", (const char *)bytes, (Py_ssize_t)size);
	bool refused = !answer || answer == Py_False;

	Py_XDECREF(answer);
	return refused;
}

static PyObject *load_verified(PyObject *module, PyObject *args)
{
	PyObject *verify;
	void *handle;
	int err, fd, flags;

	if (!PyArg_ParseTuple(args, "O&Oi:load_verified", to_descriptor, &fd, &verify, &flags))
		return NULL;
	err = sealmem_load_verified(&handle, fd, ask_verify, verify, flags);
	if (err < 0)
		return PyErr_Occurred() ? NULL : fail(PyModule_GetState(module), err);
	return PyLong_FromVoidPtr(handle);
}

static PyObject *wipe(PyObject *module, PyObject *args)
{
	Py_buffer buffer;

	(void)module;
	if (!PyArg_ParseTuple(args, "w*:wipe", &buffer))
		return NULL;
	sealmem_wipe(buffer.buf, (size_t)buffer.len);
	PyBuffer_Release(&buffer);
	Py_RETURN_NONE;
}

static PyObject *equal(PyObject *module, PyObject *args)
{
	Py_buffer a, b;
	bool same;

	(void)module;
	if (!PyArg_ParseTuple(args, "y*y*:equal", &a, &b))
		return NULL;
	same = a.len == b.len && sealmem_equal(a.buf, b.buf, (size_t)a.len) == 1;
	PyBuffer_Release(&a);
	PyBuffer_Release(&b);
	return PyBool_FromLong(same);
}

static PyMethodDef functions[] = {
	METHOD("version", version, METH_NOARGS, "The version of the library."),
	METHOD("page_size", page_size, METH_NOARGS, "The size of a page in bytes."),
	METHOD("supported", supported, METH_NOARGS, "The guarantees that a region can have here."),
	METHOD("guarantee_name", guarantee_name, METH_VARARGS,
	       "The name of one guarantee, or None."),
	METHOD("allow_emulation", allow_emulation, METH_NOARGS,
	       "Permit a seccomp filter to seal addresses where the kernel cannot."),
	METHOD("report_faults", report_faults, METH_NOARGS,
	       "Have a stray store name the region that it hits."),
	METHOD("seal_image", seal_image, METH_VARARGS, "Seal the program itself."),
	METHOD("seal_loaded", seal_loaded, METH_VARARGS, "Seal an object that dlopen(3) returned."),
	METHOD("load_verified", load_verified, METH_VARARGS,
	       "Load a shared object from exactly the bytes that were verified; returns its handle."),
	METHOD("receive", module_receive, METH_VARARGS | METH_KEYWORDS,
	       "Receive a region that send() sent."),
	METHOD("subscribe", module_subscribe, METH_VARARGS | METH_KEYWORDS,
	       "Subscribe to a name, and wait for its first generation."),
	METHOD("list_published", module_list_published, METH_VARARGS,
	       "What a publisher says of its names."),
	METHOD("wipe", wipe, METH_VARARGS, "Overwrite a writable buffer with zeroes."),
	METHOD("equal", equal, METH_VARARGS, "Whether secrets are the same, in constant time."),
	{ NULL, NULL, 0, NULL },
};

static int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec)
{
	*type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, spec, NULL);
	return *type ? PyModule_AddType(module, *type) : -1;
}

static int add_types(PyObject *module, struct state *state)
{
	const struct {
		PyTypeObject **type;
		PyType_Spec *spec;
	} types[] = {
		{ &state->region, &region_spec },
		{ &state->heap, &heap_spec },
		{ &state->secret, &secret_spec },
		{ &state->publisher, &publisher_spec },
		{ &state->subscription, &subscription_spec },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (add_type(module, types[i].type, types[i].spec) < 0)
			return -1;
	}
	return 0;
}

static int add_numbers(PyObject *module)
{
	for (const struct sealmem_constant *c = sealmem_constants(); c->name; c++) {
		if (PyModule_AddIntConstant(module, c->name, (long)c->value) < 0)
			return -1;
	}
	return 0;
}

static int execute(PyObject *module)
{
	struct state *state = PyModule_GetState(module);

	state->error = PyErr_NewExceptionWithDoc(
		"sealmem.Error", "An errno of the library, and the sentence that explains it.",
		PyExc_OSError, NULL);
	if (!state->error || PyModule_AddObjectRef(module, "Error", state->error) < 0)
		return -1;
	return add_types(module, state) < 0 ? -1 : add_numbers(module);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
	struct state *state = PyModule_GetState(module);

	Py_VISIT(state->error);
	Py_VISIT(state->region);
	Py_VISIT(state->heap);
	Py_VISIT(state->secret);
	Py_VISIT(state->publisher);
	Py_VISIT(state->subscription);
	return 0;
}

static int clear(PyObject *module)
{
	struct state *state = PyModule_GetState(module);

	Py_CLEAR(state->error);
	Py_CLEAR(state->region);
	Py_CLEAR(state->heap);
	Py_CLEAR(state->secret);
	Py_CLEAR(state->publisher);
	Py_CLEAR(state->subscription);
	return 0;
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, (void *)execute },
	{ 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "sealmem._sealmem",
	.m_size = sizeof(struct state),
	.m_methods = functions,
	.m_slots = slots,
	.m_traverse = traverse,
	.m_clear = clear,
};

PyMODINIT_FUNC PyInit__sealmem(void)
{
	return PyModuleDef_Init(&definition);
}

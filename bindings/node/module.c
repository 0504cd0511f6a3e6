/* SPDX-License-Identifier: MIT */

/* The addon: the functions that stand alone, and the table of all. */

#include "common.h"

#include <sys/socket.h>
#include <sys/un.h>

static napi_value version(napi_env env, napi_callback_info info)
{
	(void)info;
	return text_of(env, sealmem_version());
}

static napi_value page_size(napi_env env, napi_callback_info info)
{
	(void)info;
	return number_of(env, (double)sealmem_page_size());
}

static napi_value supported(napi_env env, napi_callback_info info)
{
	(void)info;
	return number_of(env, sealmem_supported());
}

static napi_value constants(napi_env env, napi_callback_info info)
{
	napi_value table;

	(void)info;
	if (napi_create_object(env, &table) != napi_ok)
		return NULL;
	for (const struct sealmem_constant *c = sealmem_constants(); c->name; c++) {
		if (!set(env, table, c->name, number_of(env, (double)c->value)))
			return NULL;
	}
	return table;
}

static napi_value guarantee_name(napi_env env, napi_callback_info info)
{
	unsigned guarantee;

	if (!take(env, info, "u", &guarantee))
		return NULL;
	return text_or_null(env, sealmem_guarantee_name(guarantee));
}

static napi_value allow_emulation(napi_env env, napi_callback_info info)
{
	(void)info;
	return none_or_fail(env, sealmem_allow_emulation());
}

static napi_value report_faults(napi_env env, napi_callback_info info)
{
	(void)info;
	return none_or_fail(env, sealmem_report_faults());
}

static napi_value wipe(napi_env env, napi_callback_info info)
{
	struct bytes bytes;

	if (!take(env, info, "b", &bytes))
		return NULL;
	if (bytes.size > 0)
		sealmem_wipe(bytes.data, bytes.size);
	return none_or_fail(env, 0);
}

static napi_value equal(napi_env env, napi_callback_info info)
{
	struct bytes a, b;

	if (!take(env, info, "bb", &a, &b))
		return NULL;
	return bool_of(env, a.size == b.size &&
				    (a.size == 0 || sealmem_equal(a.data, b.data, a.size) == 1));
}

static napi_value pages_of(napi_env env, const struct sealmem_image_pages *pages)
{
	napi_value value;

	if (napi_create_object(env, &value) != napi_ok ||
	    !set(env, value, "guarantees", number_of(env, pages->guarantees)) ||
	    !set(env, value, "size", number_of(env, (double)pages->size)))
		return NULL;
	return value;
}

static napi_value report_of(napi_env env, const struct sealmem_image_report *r)
{
	napi_value value;

	if (napi_create_object(env, &value) != napi_ok ||
	    !set(env, value, "objects", number_of(env, r->objects)) ||
	    !set(env, value, "left", number_of(env, r->left)) ||
	    !set(env, value, "lazy", number_of(env, r->lazy)) ||
	    !set(env, value, "excluding", number_of(env, r->excluding)) ||
	    !set(env, value, "marked", number_of(env, r->marked)) ||
	    !set(env, value, "text", pages_of(env, &r->text)) ||
	    !set(env, value, "readOnly", pages_of(env, &r->read_only)) ||
	    !set(env, value, "relro", pages_of(env, &r->relro)) ||
	    !set(env, value, "vdso", pages_of(env, &r->vdso)) ||
	    !set(env, value, "data", pages_of(env, &r->data)))
		return NULL;
	return value;
}

static napi_value seal_image(napi_env env, napi_callback_info info)
{
	struct sealmem_image_report report;
	unsigned flags;
	int err;

	if (!take(env, info, "u", &flags))
		return NULL;
	err = sealmem_seal_image(flags, &report);
	return err < 0 ? fail(env, err) : report_of(env, &report);
}

static napi_value seal_loaded(napi_env env, napi_callback_info info)
{
	struct sealmem_image_report report;
	unsigned flags;
	size_t handle;
	int err;

	if (!take(env, info, "zu", &handle, &flags))
		return NULL;
	err = sealmem_seal_loaded((void *)handle, flags, &report);
	return err < 0 ? fail(env, err) : report_of(env, &report);
}

static napi_value load_verified(napi_env env, napi_callback_info info)
{
	struct asked asked = { .env = env };
	int err, fd, flags;
	void *handle;

	if (!take(env, info, "ifi", &fd, &asked.verify, &flags))
		return NULL;
	err = sealmem_load_verified(&handle, fd, asked.verify ? ask_verify : NULL, &asked, flags);
	return err < 0 ? fail_of_asked(env, err) : bigint_of(env, (uintptr_t)handle);
}

/* Makes the ArrayBuffer of memory empty. False: JavaScript has moved the memory to another one. */
static napi_value detach(napi_env env, napi_callback_info info)
{
	bool moved = false;
	napi_value buffer;

	if (!take(env, info, "a", &buffer))
		return NULL;
	if (buffer && napi_is_detached_arraybuffer(env, buffer, &moved) != napi_ok)
		return NULL;
	if (buffer && !moved && napi_detach_arraybuffer(env, buffer) != napi_ok)
		return NULL;
	return bool_of(env, !moved);
}

/* Gives back a region or a secret now, whose ArrayBuffers are all detached. */
static napi_value give_back(napi_env env, napi_callback_info info)
{
	struct owned *self;

	if (!take(env, info, "o", &self))
		return NULL;
	if (self->kind == REGION || self->kind == SECRET)
		self->give_back(self);
	return none_or_fail(env, 0);
}

/* Node itself makes no Unix socket that keeps messages apart. */
static int make_socket(const char *path, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return path ? -ENAMETOOLONG : -EINVAL;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (use(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = -errno;
	(void)close(fd);
	return err;
}

static int bind_and_listen(int fd, const struct sockaddr *address, socklen_t size)
{
	return bind(fd, address, size) < 0 ? -1 : listen(fd, SOMAXCONN);
}

static napi_value socket_listen(napi_env env, napi_callback_info info)
{
	struct text path;

	if (!take(env, info, "s", &path))
		return NULL;
	return number_or_fail(env, make_socket(path.c, bind_and_listen));
}

static napi_value socket_connect(napi_env env, napi_callback_info info)
{
	struct text path;

	return take(env, info, "s", &path) ? number_or_fail(env, make_socket(path.c, connect))
					   : NULL;
}

static napi_value socket_pair(napi_env env, napi_callback_info info)
{
	napi_value pair;
	int fds[2];

	(void)info;
	if (napi_create_array_with_length(env, 2, &pair) != napi_ok)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return fail(env, errno);
	if (napi_set_element(env, pair, 0, number_of(env, fds[0])) == napi_ok &&
	    napi_set_element(env, pair, 1, number_of(env, fds[1])) == napi_ok)
		return pair;
	(void)close(fds[0]);
	(void)close(fds[1]);
	return NULL;
}

const struct function module_functions[] = {
	{ "version", version },
	{ "pageSize", page_size },
	{ "supported", supported },
	{ "constants", constants },
	{ "guaranteeName", guarantee_name },
	{ "allowEmulation", allow_emulation },
	{ "reportFaults", report_faults },
	{ "wipe", wipe },
	{ "equal", equal },
	{ "sealImage", seal_image },
	{ "sealLoaded", seal_loaded },
	{ "loadVerified", load_verified },
	{ "detach", detach },
	{ "giveBack", give_back },
	{ "listen", socket_listen },
	{ "connect", socket_connect },
	{ "socketPair", socket_pair },
	{ NULL, NULL },
};

static bool add_all(napi_env env, napi_value exports, const struct function *functions)
{
	napi_value function;

	for (; functions->name; functions++) {
		if (napi_create_function(env, functions->name, NAPI_AUTO_LENGTH, functions->call,
					 NULL, &function) != napi_ok ||
		    !set(env, exports, functions->name, function))
			return false;
	}
	return true;
}

/* The macro declares one of its two functions only. */
#ifdef NODE_API_MODULE_GET_API_VERSION
NAPI_MODULE_EXPORT int32_t NODE_API_MODULE_GET_API_VERSION(void);
#endif

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */)
{
	if (!add_all(env, exports, module_functions) || !add_all(env, exports, region_functions) ||
	    !add_all(env, exports, heap_functions) || !add_all(env, exports, publish_functions))
		return NULL;
	return exports;
}

/* SPDX-License-Identifier: MIT */

/* Between the values of JavaScript and those of C: arguments, results, and errors. */

#include "common.h"

#include <stdarg.h>

/* The mark of the handles of this addon, a random number. */
static const napi_type_tag tag = { 0x5d3c1f0a9b7e4826u, 0xa4e1927c60d85fb3u };

#define NAME(err)                                                                                  \
 {                                                                                                 \
  err, #err                                                                                        \
 }

/* Those that sealmem.h documents, and more that system calls return. */
static const struct {
	int err;
	const char *name;
} names[] = {
	NAME(E2BIG),	  NAME(EACCES),	      NAME(EADDRINUSE), NAME(EAFNOSUPPORT),
	NAME(EAGAIN),	  NAME(EBADF),	      NAME(EBADMSG),	NAME(EBUSY),
	NAME(ECANCELED),  NAME(ECONNREFUSED), NAME(ECONNRESET), NAME(EDOM),
	NAME(EEXIST),	  NAME(EFAULT),	      NAME(EFBIG),	NAME(EINTR),
	NAME(EINVAL),	  NAME(EIO),	      NAME(EISDIR),	NAME(EKEYREJECTED),
	NAME(ELOOP),	  NAME(EMFILE),	      NAME(EMSGSIZE),	NAME(ENAMETOOLONG),
	NAME(ENFILE),	  NAME(ENOBUFS),      NAME(ENODATA),	NAME(ENODEV),
	NAME(ENOENT),	  NAME(ENOEXEC),      NAME(ENOMEM),	NAME(ENOSPC),
	NAME(ENOSYS),	  NAME(ENOTCONN),     NAME(ENOTDIR),	NAME(ENOTRECOVERABLE),
	NAME(ENOTSOCK),	  NAME(ENXIO),	      NAME(EOPNOTSUPP), NAME(EOVERFLOW),
	NAME(EPERM),	  NAME(EPIPE),	      NAME(EPROTO),	NAME(EPROTONOSUPPORT),
	NAME(EPROTOTYPE), NAME(ERANGE),	      NAME(EROFS),	NAME(ESPIPE),
	NAME(ESRCH),	  NAME(ESTALE),	      NAME(ETIMEDOUT),	NAME(ETOOMANYREFS),
	NAME(ETXTBSY),	  NAME(EUSERS),	      NAME(EXDEV),
};

static const char *name_of(int err)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].err == err)
			return names[i].name;
	}
	return "UNKNOWN";
}

napi_value number_of(napi_env env, double number)
{
	napi_value value;

	return napi_create_double(env, number, &value) == napi_ok ? value : NULL;
}

napi_value bigint_of(napi_env env, uint64_t number)
{
	napi_value value;

	return napi_create_bigint_uint64(env, number, &value) == napi_ok ? value : NULL;
}

napi_value bool_of(napi_env env, bool boolean)
{
	napi_value value;

	return napi_get_boolean(env, boolean, &value) == napi_ok ? value : NULL;
}

napi_value text_of(napi_env env, const char *text)
{
	napi_value value;

	return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok ? value
										       : NULL;
}

napi_value text_or_null(napi_env env, const char *text)
{
	napi_value null;

	if (text)
		return text_of(env, text);
	return napi_get_null(env, &null) == napi_ok ? null : NULL;
}

bool set(napi_env env, napi_value object, const char *name, napi_value value)
{
	return value && napi_set_named_property(env, object, name, value) == napi_ok;
}

napi_value fail(napi_env env, int err)
{
	int positive = abs(err);
	napi_value sentence = text_of(env, sealmem_strerror(err)), error;

	if (sentence &&
	    napi_create_error(env, text_of(env, name_of(positive)), sentence, &error) == napi_ok &&
	    set(env, error, "errno", number_of(env, -positive)))
		(void)napi_throw(env, error);
	return NULL;
}

napi_value none_or_fail(napi_env env, int err)
{
	napi_value none;

	if (err < 0)
		return fail(env, err);
	return napi_get_undefined(env, &none) == napi_ok ? none : NULL;
}

napi_value number_or_fail(napi_env env, int number)
{
	return number < 0 ? fail(env, number) : number_of(env, number);
}

static bool wrong(napi_env env, const char *what)
{
	(void)napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", what);
	return false;
}

static bool out_of_range(napi_env env)
{
	(void)napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a number is out of range");
	return false;
}

static napi_valuetype type_of(napi_env env, napi_value value)
{
	napi_valuetype type;

	return napi_typeof(env, value, &type) == napi_ok ? type : napi_undefined;
}

static bool is_none(napi_env env, napi_value value)
{
	napi_valuetype type = type_of(env, value);

	return type == napi_undefined || type == napi_null;
}

static bool to_text(napi_env env, napi_value value, void *ret)
{
	struct text *text = ret;
	size_t length;

	text->c = NULL;
	if (is_none(env, value))
		return true;
	if (napi_get_value_string_utf8(env, value, text->bytes, sizeof(text->bytes), &length) !=
	    napi_ok)
		return wrong(env, "a string is needed");
	/* C would end at a zero. The library refuses any control character, so it gets another one. */
	for (size_t i = 0; i < length; i++) {
		if (!text->bytes[i])
			text->bytes[i] = '\1';
	}
	text->c = text->bytes;
	return true;
}

/* A whole number from `least` to 2^53 - 1, which JavaScript counts exactly. */
static bool to_whole(napi_env env, napi_value value, double least, int64_t *ret)
{
	const double most = 9007199254740991.0;
	double number;

	if (napi_get_value_double(env, value, &number) != napi_ok)
		return wrong(env, "a number is needed");
	if (!(number >= least && number <= most) || (double)(int64_t)number != number)
		return out_of_range(env);
	*ret = (int64_t)number;
	return true;
}

static bool to_uint64(napi_env env, napi_value value, void *ret)
{
	uint64_t *number = ret;
	int64_t whole;
	bool exact;

	if (napi_get_value_bigint_uint64(env, value, number, &exact) == napi_ok)
		return exact ? true : out_of_range(env);
	if (!to_whole(env, value, 0, &whole))
		return false;
	*number = (uint64_t)whole;
	return true;
}

static bool to_size(napi_env env, napi_value value, void *ret)
{
	uint64_t number;

	if (!to_uint64(env, value, &number))
		return false;
	if (number > SIZE_MAX)
		return out_of_range(env);
	*(size_t *)ret = (size_t)number;
	return true;
}

static bool to_unsigned(napi_env env, napi_value value, void *ret)
{
	uint64_t number;

	if (!to_uint64(env, value, &number))
		return false;
	if (number > UINT_MAX)
		return out_of_range(env);
	*(unsigned *)ret = (unsigned)number;
	return true;
}

static bool to_int(napi_env env, napi_value value, void *ret)
{
	int64_t number;

	if (!to_whole(env, value, INT_MIN, &number))
		return false;
	if (number > INT_MAX)
		return out_of_range(env);
	*(int *)ret = (int)number;
	return true;
}

static size_t size_of_element(napi_typedarray_type type)
{
	switch (type) {
	case napi_int16_array:
	case napi_uint16_array:
		return 2;
	case napi_int32_array:
	case napi_uint32_array:
	case napi_float32_array:
		return 4;
	case napi_float64_array:
	case napi_bigint64_array:
	case napi_biguint64_array:
		return 8;
	default:
		return 1;
	}
}

static bool to_bytes(napi_env env, napi_value value, void *ret)
{
	struct bytes *bytes = ret;
	napi_typedarray_type type;
	bool is = false;

	if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
		if (napi_get_typedarray_info(env, value, &type, &bytes->size, &bytes->data, NULL,
					     NULL) != napi_ok)
			return wrong(env, "a typed array cannot be read");
		bytes->size *= size_of_element(type);
		return true;
	}
	if (napi_is_dataview(env, value, &is) == napi_ok && is)
		return napi_get_dataview_info(env, value, &bytes->size, &bytes->data, NULL, NULL) ==
		       napi_ok;
	if (napi_is_arraybuffer(env, value, &is) == napi_ok && is)
		return napi_get_arraybuffer_info(env, value, &bytes->data, &bytes->size) == napi_ok;
	return wrong(env, "a typed array, a DataView or an ArrayBuffer is needed");
}

static bool to_function(napi_env env, napi_value value, void *ret)
{
	napi_value *function = ret;

	*function = is_none(env, value) ? NULL : value;
	if (*function && type_of(env, value) != napi_function)
		return wrong(env, "a function is needed");
	return true;
}

static bool to_buffer(napi_env env, napi_value value, void *ret)
{
	napi_value *buffer = ret;
	bool is = false;

	*buffer = is_none(env, value) ? NULL : value;
	if (*buffer && (napi_is_arraybuffer(env, value, &is) != napi_ok || !is))
		return wrong(env, "an ArrayBuffer is needed");
	return true;
}

static bool to_owned(napi_env env, napi_value value, void *ret)
{
	bool ours = false;
	void *found;

	if (type_of(env, value) != napi_object ||
	    napi_check_object_type_tag(env, value, &tag, &ours) != napi_ok || !ours ||
	    napi_unwrap(env, value, &found) != napi_ok)
		return wrong(env, "an object of sealmem is needed");
	*(struct owned **)ret = found;
	return true;
}

/* What is NULL once it is freed. */
static const void *living_part(const struct owned *self)
{
	switch (self->kind) {
	case REGION:
		return ((const struct region *)(const void *)self)->region;
	case HEAP:
		return ((const struct heap *)(const void *)self)->heap;
	case SECRET:
		return ((const struct secret *)(const void *)self)->data;
	case PUBLISHER:
		return ((const struct publisher *)(const void *)self)->publisher;
	default:
		return ((const struct subscription *)(const void *)self)->subscription;
	}
}

static bool to_living(napi_env env, napi_value value, enum kind kind, void *ret)
{
	struct owned *self;

	if (!to_owned(env, value, &self))
		return false;
	if (self->kind != kind)
		return wrong(env, "another object of sealmem is needed");
	if (!living_part(self)) {
		(void)napi_throw_error(env, "ERR_INVALID_STATE", "it is freed already");
		return false;
	}
	*(struct owned **)ret = self;
	return true;
}

/* The letters of the handles, in the order of enum kind. */
static const char kinds[] = "RHSPC";

static const struct {
	char letter;
	bool (*take)(napi_env env, napi_value value, void *ret);
} takers[] = {
	{ 's', to_text }, { 'b', to_bytes },	{ 'f', to_function },
	{ 'z', to_size }, { 'u', to_unsigned }, { 'g', to_uint64 },
	{ 'i', to_int },  { 'o', to_owned },	{ 'a', to_buffer },
};

static bool take_one(napi_env env, napi_value value, char letter, void *ret)
{
	const char *kind = strchr(kinds, letter);

	if (kind)
		return to_living(env, value, (enum kind)(kind - kinds), ret);
	for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
		if (takers[i].letter == letter)
			return takers[i].take(env, value, ret);
	}
	return false;
}

bool take(napi_env env, napi_callback_info info, const char *format, ...)
{
	napi_value values[8];
	size_t count = sizeof(values) / sizeof(*values);
	bool good;
	va_list list;

	/* Arguments that are missing are undefined. */
	good = napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok;
	va_start(list, format);
	for (size_t i = 0; good && format[i]; i++)
		good = take_one(env, values[i], format[i], va_arg(list, void *));
	va_end(list);
	return good;
}

void *owned_new(napi_env env, size_t size, enum kind kind, void (*give_back)(struct owned *self))
{
	struct owned *self = calloc(1, size);

	if (!self) {
		(void)fail(env, ENOMEM);
		return NULL;
	}
	self->kind = kind;
	self->owners = 1;
	self->give_back = give_back;
	return self;
}

void owned_leave(struct owned *self)
{
	if (--self->owners > 0)
		return;
	self->give_back(self);
	free(self);
}

static void collect(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)data;
	owned_leave(hint);
}

napi_value owned_handle(napi_env env, struct owned *self)
{
	napi_value handle;

	if (napi_create_object(env, &handle) != napi_ok ||
	    napi_wrap(env, handle, self, collect, self, NULL) != napi_ok) {
		owned_leave(self);
		return NULL;
	}
	return napi_type_tag_object(env, handle, &tag) == napi_ok ? handle : NULL;
}

napi_value owned_view(napi_env env, struct owned *self, void *data, size_t size)
{
	napi_value buffer;
	void *none;
	napi_status status;

	/* Nothing may be read of memory without bytes. */
	if (size == 0)
		return napi_create_arraybuffer(env, 0, &none, &buffer) == napi_ok ? buffer : NULL;
	self->owners++;
	status = napi_create_external_arraybuffer(env, data, size, collect, self, &buffer);
	if (status == napi_ok)
		return buffer;
	/* A Node whose ArrayBuffers lie in memory of its own says so, and forgets the memory. */
	if (status == napi_no_external_buffers_allowed) {
		self->owners--;
		return fail(env, EOPNOTSUPP);
	}
	return NULL;
}

napi_value ask(napi_env env, napi_value function, size_t count, const napi_value *values)
{
	napi_value none, answer;

	if (napi_get_undefined(env, &none) != napi_ok ||
	    napi_call_function(env, none, function, count, values, &answer) != napi_ok)
		return NULL;
	return answer;
}

/* JavaScript gets a copy: it could keep a view of the bytes when they are gone. */
static bool accepts(const struct asked *asked, const void *bytes, size_t size)
{
	bool accepted = true;
	napi_value copy, answer;

	if (napi_create_buffer_copy(asked->env, size, bytes, NULL, &copy) != napi_ok)
		return false;
	answer = ask(asked->env, asked->verify, 1, &copy);
	if (!answer)
		return false;
	if (type_of(asked->env, answer) == napi_boolean)
		(void)napi_get_value_bool(asked->env, answer, &accepted);
	return accepted;
}

int ask_verify(const void *bytes, size_t size, void *asked)
{
	const struct asked *it = asked;

	return it->verify && !accepts(it, bytes, size) ? 1 : 0;
}

napi_value fail_of_asked(napi_env env, int err)
{
	bool thrown = false;

	(void)napi_is_exception_pending(env, &thrown);
	return thrown ? NULL : fail(env, err);
}

/* SPDX-License-Identifier: MIT */

/* Regions: memory that is open first and sealed later. */

#include "common.h"

static void give_back(struct owned *self)
{
	struct region *r = (struct region *)(void *)self;

	if (r->region && r->from)
		sealmem_subscription_release(r->from->subscription, r->region);
	else
		(void)sealmem_region_free(r->region);
	if (r->from)
		owned_leave(&r->from->owned);
	r->region = NULL;
	r->from = NULL;
}

napi_value region_own(napi_env env, struct sealmem_region *region, struct subscription *from)
{
	struct region *r = owned_new(env, sizeof(*r), REGION, give_back);

	if (!r) {
		if (from)
			sealmem_subscription_release(from->subscription, region);
		else
			(void)sealmem_region_free(region);
		return NULL;
	}
	r->region = region;
	r->from = from;
	if (from)
		from->owned.owners++;
	return owned_handle(env, &r->owned);
}

static napi_value own_or_fail(napi_env env, struct sealmem_region *region, int err)
{
	return err < 0 ? fail(env, err) : region_own(env, region, NULL);
}

static napi_value region_open(napi_env env, napi_callback_info info)
{
	struct sealmem_region *region = NULL;
	struct text name;
	unsigned demand;
	size_t capacity;
	int err;

	if (!take(env, info, "szu", &name, &capacity, &demand))
		return NULL;
	err = sealmem_region_new(&region, name.c, capacity, demand);
	return own_or_fail(env, region, err);
}

static napi_value region_from(napi_env env, napi_callback_info info)
{
	struct sealmem_region *region = NULL;
	struct bytes bytes;
	struct text name;
	unsigned demand;
	int err;

	if (!take(env, info, "sbu", &name, &bytes, &demand))
		return NULL;
	err = sealmem_region_new_from(&region, name.c, bytes.data, bytes.size, demand);
	return own_or_fail(env, region, err);
}

static int tell_progress(size_t done, size_t total, void *data)
{
	const struct asked *asked = data;
	napi_handle_scope scope;
	napi_value values[2];
	bool told;

	if (!asked->progress)
		return 0;
	if (napi_open_handle_scope(asked->env, &scope) != napi_ok)
		return 1;
	values[0] = number_of(asked->env, (double)done);
	values[1] = number_of(asked->env, (double)total);
	told = values[0] && values[1] && ask(asked->env, asked->progress, 2, values);
	(void)napi_close_handle_scope(asked->env, scope);
	return told ? 0 : 1;
}

static napi_value region_from_file(napi_env env, napi_callback_info info)
{
	struct asked asked = { .env = env };
	struct sealmem_region *region = NULL;
	struct text name;
	unsigned demand;
	size_t limit;
	int err, fd;

	if (!take(env, info, "sizuff", &name, &fd, &limit, &demand, &asked.progress, &asked.verify))
		return NULL;
	err = sealmem_region_new_from_file_with(&region, name.c, fd, limit, demand, tell_progress,
						ask_verify, &asked);
	return err < 0 ? fail_of_asked(env, err) : region_own(env, region, NULL);
}

static napi_value region_accept(napi_env env, napi_callback_info info)
{
	struct sealmem_region *region = NULL;
	unsigned demand;
	size_t limit;
	int err, fd;

	if (!take(env, info, "izu", &fd, &limit, &demand))
		return NULL;
	err = sealmem_region_accept_limited(&region, fd, limit, demand);
	return own_or_fail(env, region, err);
}

static napi_value region_receive(napi_env env, napi_callback_info info)
{
	struct sealmem_region *region = NULL;
	unsigned demand;
	size_t limit;
	int err, fd;

	if (!take(env, info, "izu", &fd, &limit, &demand))
		return NULL;
	err = sealmem_receive_limited(fd, &region, limit, demand);
	return own_or_fail(env, region, err);
}

static napi_value region_restore(napi_env env, napi_callback_info info)
{
	struct sealmem_region *region = NULL;
	struct text name;
	unsigned demand;
	int err, fd;

	if (!take(env, info, "isu", &fd, &name, &demand))
		return NULL;
	err = sealmem_secret_restore(&region, fd, name.c, demand);
	return own_or_fail(env, region, err);
}

/* Where a piece begins, in bytes from the start of the region. */
static napi_value offset_of(napi_env env, const struct region *r, const void *piece)
{
	const char *start = sealmem_region_data(r->region);

	if (!piece)
		return fail(env, errno);
	return number_of(env, (double)((const char *)piece - start));
}

static napi_value region_alloc(napi_env env, napi_callback_info info)
{
	size_t size, align;
	struct region *r;

	if (!take(env, info, "Rzz", &r, &size, &align))
		return NULL;
	/* A generation belongs to its subscription, and is sealed as well. */
	if (r->from)
		return fail(env, EPERM);
	return offset_of(env, r, sealmem_region_alloc(r->region, size, align));
}

/* The last piece begins at an offset. */
static napi_value region_realloc(napi_env env, napi_callback_info info)
{
	size_t offset, size;
	struct region *r;
	char *start;

	if (!take(env, info, "Rzz", &r, &offset, &size))
		return NULL;
	if (r->from)
		return fail(env, EPERM);
	start = sealmem_region_data(r->region);
	return offset_of(env, r, sealmem_region_realloc(r->region, start + offset, size));
}

/* Takes memory for a copy of bytes, right after the piece before. */
static napi_value region_put(napi_env env, napi_callback_info info)
{
	struct bytes bytes;
	struct region *r;
	void *piece;

	if (!take(env, info, "Rb", &r, &bytes))
		return NULL;
	if (r->from)
		return fail(env, EPERM);
	piece = sealmem_region_alloc(r->region, bytes.size, 1);
	if (piece)
		memcpy(piece, bytes.data, bytes.size);
	return offset_of(env, r, piece);
}

static napi_value region_trim(napi_env env, napi_callback_info info)
{
	struct region *r;
	size_t size;

	if (!take(env, info, "Rz", &r, &size))
		return NULL;
	return none_or_fail(env, r->from ? -EPERM : sealmem_region_trim(r->region, size));
}

static napi_value region_seal(napi_env env, napi_callback_info info)
{
	struct region *r;

	if (!take(env, info, "R", &r))
		return NULL;
	return none_or_fail(env, r->from ? 0 : sealmem_region_seal(r->region));
}

/* Shows the first bytes. The caller keeps to the capacity, or to the size of what is sealed. */
static napi_value region_view(napi_env env, napi_callback_info info)
{
	struct region *r;
	size_t size;

	if (!take(env, info, "Rz", &r, &size))
		return NULL;
	return owned_view(env, &r->owned, sealmem_region_data(r->region), size);
}

static napi_value region_size(napi_env env, napi_callback_info info)
{
	struct region *r;

	if (!take(env, info, "R", &r))
		return NULL;
	return number_of(env, (double)sealmem_region_size(r->region));
}

static napi_value region_address(napi_env env, napi_callback_info info)
{
	struct region *r;

	if (!take(env, info, "R", &r))
		return NULL;
	return bigint_of(env, (uintptr_t)sealmem_region_data(r->region));
}

static napi_value region_name(napi_env env, napi_callback_info info)
{
	struct region *r;

	return take(env, info, "R", &r) ? text_of(env, sealmem_region_name(r->region)) : NULL;
}

static napi_value region_guarantees(napi_env env, napi_callback_info info)
{
	struct region *r;

	return take(env, info, "R", &r) ? number_of(env, sealmem_region_guarantees(r->region))
					: NULL;
}

static napi_value region_fd(napi_env env, napi_callback_info info)
{
	struct region *r;

	return take(env, info, "R", &r) ? number_or_fail(env, sealmem_region_fd(r->region)) : NULL;
}

static napi_value region_store(napi_env env, napi_callback_info info)
{
	struct region *r;

	return take(env, info, "R", &r) ? number_or_fail(env, sealmem_secret_store(r->region))
					: NULL;
}

static napi_value region_send(napi_env env, napi_callback_info info)
{
	struct region *r;
	int fd;

	if (!take(env, info, "Ri", &r, &fd))
		return NULL;
	return none_or_fail(env, sealmem_send(fd, r->region));
}

static napi_value region_keep_available(napi_env env, napi_callback_info info)
{
	struct region *r;

	if (!take(env, info, "R", &r))
		return NULL;
	return none_or_fail(env, sealmem_keep_available(sealmem_region_data(r->region),
							sealmem_region_size(r->region)));
}

static napi_value region_try_write(napi_env env, napi_callback_info info)
{
	size_t offset, size;
	struct bytes bytes;
	struct region *r;
	char *start;

	if (!take(env, info, "Rbz", &r, &bytes, &offset))
		return NULL;
	size = sealmem_region_size(r->region);
	if (offset > size || bytes.size > size - offset)
		return fail(env, EINVAL);
	start = sealmem_region_data(r->region);
	return none_or_fail(env, sealmem_try_write(start + offset, bytes.data, bytes.size));
}

const struct function region_functions[] = {
	{ "regionOpen", region_open },
	{ "regionFrom", region_from },
	{ "regionFromFile", region_from_file },
	{ "regionAccept", region_accept },
	{ "regionReceive", region_receive },
	{ "regionRestore", region_restore },
	{ "regionAlloc", region_alloc },
	{ "regionRealloc", region_realloc },
	{ "regionPut", region_put },
	{ "regionTrim", region_trim },
	{ "regionSeal", region_seal },
	{ "regionView", region_view },
	{ "regionSize", region_size },
	{ "regionAddress", region_address },
	{ "regionName", region_name },
	{ "regionGuarantees", region_guarantees },
	{ "regionFd", region_fd },
	{ "regionStore", region_store },
	{ "regionSend", region_send },
	{ "regionKeepAvailable", region_keep_available },
	{ "regionTryWrite", region_try_write },
	{ NULL, NULL },
};

/* SPDX-License-Identifier: MIT */

/* Publishers and subscriptions: data that is sealed once, read by many, and replaced as a whole. */

#include "common.h"

static void give_back_publisher(struct owned *self)
{
	struct publisher *p = (struct publisher *)(void *)self;

	p->publisher = sealmem_publisher_free(p->publisher);
}

static void give_back_subscription(struct owned *self)
{
	struct subscription *s = (struct subscription *)(void *)self;

	s->subscription = sealmem_subscription_free(s->subscription);
}

static napi_value publisher_new(napi_env env, napi_callback_info info)
{
	struct sealmem_publisher *publisher;
	struct publisher *p;
	int err, fd;

	if (!take(env, info, "i", &fd))
		return NULL;
	err = sealmem_publisher_new(&publisher, fd);
	if (err < 0)
		return fail(env, err);
	p = owned_new(env, sizeof(*p), PUBLISHER, give_back_publisher);
	if (!p) {
		(void)sealmem_publisher_free(publisher);
		return NULL;
	}
	p->publisher = publisher;
	return owned_handle(env, &p->owned);
}

/* Without a name, the region has its own. */
static napi_value publisher_publish(napi_env env, napi_callback_info info)
{
	struct text name, label;
	struct publisher *p;
	struct region *r;
	int err;

	if (!take(env, info, "PRss", &p, &r, &label, &name))
		return NULL;
	if (name.c)
		err = sealmem_publish_named(p->publisher, r->region, name.c,
					    label.c ? label.c : "");
	else if (label.c)
		err = sealmem_publish_labelled(p->publisher, r->region, label.c);
	else
		err = sealmem_publish(p->publisher, r->region);
	return none_or_fail(env, err);
}

static napi_value publisher_announce(napi_env env, napi_callback_info info)
{
	struct publisher *p;
	struct text name;

	if (!take(env, info, "Ps", &p, &name))
		return NULL;
	return none_or_fail(env, sealmem_publisher_announce(p->publisher, name.c));
}

static napi_value publisher_continue(napi_env env, napi_callback_info info)
{
	uint64_t generation;
	struct publisher *p;

	if (!take(env, info, "Pg", &p, &generation))
		return NULL;
	return none_or_fail(env, sealmem_publisher_continue(p->publisher, generation));
}

static napi_value publisher_reserve(napi_env env, napi_callback_info info)
{
	struct publisher *p;
	uint64_t number = 0;
	int err;

	if (!take(env, info, "P", &p))
		return NULL;
	err = sealmem_publisher_reserve(p->publisher, &number);
	return err < 0 ? fail(env, err) : bigint_of(env, number);
}

static napi_value publisher_generation(napi_env env, napi_callback_info info)
{
	struct publisher *p;
	struct text name;

	if (!take(env, info, "Ps", &p, &name))
		return NULL;
	return bigint_of(env, sealmem_publisher_generation(p->publisher, name.c));
}

static napi_value publisher_fd(napi_env env, napi_callback_info info)
{
	struct publisher *p;

	return take(env, info, "P", &p) ? number_or_fail(env, sealmem_publisher_fd(p->publisher))
					: NULL;
}

/* The arguments of the function: an object and a name. An exception refuses, and so does what has no memory. */
static bool is_admitted(const struct publisher *p, const struct sealmem_peer *peer,
			const char *name)
{
	napi_env env = p->env;
	napi_value values[2], answer, truth;
	bool admitted = false;

	if (napi_create_object(env, &values[0]) != napi_ok ||
	    !set(env, values[0], "pid", number_of(env, peer->pid)) ||
	    !set(env, values[0], "uid", number_of(env, peer->uid)) ||
	    !set(env, values[0], "gid", number_of(env, peer->gid)) ||
	    !set(env, values[0], "socket", number_of(env, peer->socket)))
		return false;
	values[1] = text_or_null(env, name);
	answer = values[1] ? ask(env, p->admit, 2, values) : NULL;
	if (!answer || napi_coerce_to_bool(env, answer, &truth) != napi_ok)
		return false;
	return napi_get_value_bool(env, truth, &admitted) == napi_ok && admitted;
}

/* Between two calls of dispatch() nobody asks. After an exception nobody else is admitted in this call. */
static int ask_admission(const struct sealmem_peer *peer, const char *name, void *data)
{
	const struct publisher *p = data;
	napi_handle_scope scope;
	bool thrown = true, admitted;

	(void)napi_is_exception_pending(p->env, &thrown);
	if (thrown || !p->admit || napi_open_handle_scope(p->env, &scope) != napi_ok)
		return 1;
	admitted = is_admitted(p, peer, name);
	(void)napi_close_handle_scope(p->env, scope);
	return admitted ? 0 : 1;
}

static napi_value publisher_dispatch(napi_env env, napi_callback_info info)
{
	struct publisher *p;
	napi_value admit;
	int err;

	if (!take(env, info, "Pf", &p, &admit))
		return NULL;
	if (p->dispatching)
		return fail(env, EBUSY);
	err = sealmem_publisher_set_admission(p->publisher, admit ? ask_admission : NULL, p);
	if (err < 0)
		return fail(env, err);
	p->env = env;
	p->admit = admit;
	p->dispatching = true;
	err = sealmem_publisher_dispatch(p->publisher);
	p->dispatching = false;
	p->admit = NULL;
	return err < 0 ? fail_of_asked(env, err) : none_or_fail(env, 0);
}

static napi_value publisher_set_limits(napi_env env, napi_callback_info info)
{
	struct sealmem_publisher_limits limits;
	struct publisher *p;

	if (!take(env, info, "Puuu", &p, &limits.clients, &limits.clients_of_user,
		  &limits.names_of_client))
		return NULL;
	return none_or_fail(env, sealmem_publisher_set_limits(p->publisher, &limits));
}

/* A function that dispatch() calls cannot free what runs it. */
static napi_value publisher_free(napi_env env, napi_callback_info info)
{
	struct owned *self;

	if (!take(env, info, "o", &self))
		return NULL;
	if (self->kind == PUBLISHER && ((struct publisher *)(void *)self)->dispatching)
		return fail(env, EBUSY);
	self->give_back(self);
	return none_or_fail(env, 0);
}

struct listing {
	napi_env env;
	napi_value list;
	uint32_t count;
};

static int add_published(const struct sealmem_published *one, void *data)
{
	struct listing *listing = data;
	napi_env env = listing->env;
	napi_value row;

	if (napi_create_object(env, &row) != napi_ok ||
	    !set(env, row, "name", text_of(env, one->name)) ||
	    !set(env, row, "label", text_of(env, one->label)) ||
	    !set(env, row, "generation", bigint_of(env, one->generation)) ||
	    !set(env, row, "size", bigint_of(env, one->size)) ||
	    !set(env, row, "subscribers", number_of(env, one->subscribers)) ||
	    !set(env, row, "holders", number_of(env, one->holders)) ||
	    napi_set_element(env, listing->list, listing->count++, row) != napi_ok)
		return -ENOMEM;
	return 0;
}

static napi_value list_published(napi_env env, napi_callback_info info)
{
	struct listing listing = { .env = env };
	int err, fd;

	if (!take(env, info, "i", &fd) || napi_create_array(env, &listing.list) != napi_ok)
		return NULL;
	err = sealmem_list_published(fd, add_published, &listing);
	return err < 0 ? fail_of_asked(env, err) : listing.list;
}

static napi_value subscribe(napi_env env, napi_callback_info info)
{
	struct sealmem_subscription *subscription;
	struct subscription *s;
	struct text name;
	unsigned demand;
	size_t limit;
	int err, fd;

	if (!take(env, info, "iszu", &fd, &name, &limit, &demand))
		return NULL;
	err = sealmem_subscribe(&subscription, fd, name.c, limit, demand);
	if (err < 0)
		return fail(env, err);
	s = owned_new(env, sizeof(*s), SUBSCRIPTION, give_back_subscription);
	if (!s) {
		(void)sealmem_subscription_free(subscription);
		return NULL;
	}
	s->subscription = subscription;
	return owned_handle(env, &s->owned);
}

static napi_value subscription_update(napi_env env, napi_callback_info info)
{
	struct subscription *s;
	int newer;

	if (!take(env, info, "C", &s))
		return NULL;
	newer = sealmem_subscription_update(s->subscription);
	return newer < 0 ? fail(env, newer) : bool_of(env, newer > 0);
}

static napi_value subscription_reconnect(napi_env env, napi_callback_info info)
{
	struct subscription *s;
	int fd;

	if (!take(env, info, "Ci", &s, &fd))
		return NULL;
	return none_or_fail(env, sealmem_subscription_reconnect(s->subscription, fd));
}

static napi_value subscription_acquire(napi_env env, napi_callback_info info)
{
	const struct sealmem_region *region;
	struct sealmem_region *kept;
	struct subscription *s;

	if (!take(env, info, "C", &s))
		return NULL;
	region = sealmem_subscription_acquire(s->subscription);
	if (!region)
		return fail(env, ESTALE);
	/* Only those functions get it that do not change it. */
	memcpy(&kept, &region, sizeof(kept));
	return region_own(env, kept, s);
}

static napi_value subscription_generation(napi_env env, napi_callback_info info)
{
	struct subscription *s;

	if (!take(env, info, "C", &s))
		return NULL;
	return bigint_of(env, sealmem_subscription_generation(s->subscription));
}

static napi_value subscription_fd(napi_env env, napi_callback_info info)
{
	struct subscription *s;

	if (!take(env, info, "C", &s))
		return NULL;
	return number_or_fail(env, sealmem_subscription_fd(s->subscription));
}

/* Its other owners are generations. */
static napi_value subscription_free(napi_env env, napi_callback_info info)
{
	struct owned *self;

	if (!take(env, info, "o", &self))
		return NULL;
	if (self->owners > 1)
		return fail(env, EBUSY);
	self->give_back(self);
	return none_or_fail(env, 0);
}

const struct function publish_functions[] = {
	{ "publisherNew", publisher_new },
	{ "publisherPublish", publisher_publish },
	{ "publisherAnnounce", publisher_announce },
	{ "publisherContinue", publisher_continue },
	{ "publisherReserve", publisher_reserve },
	{ "publisherGeneration", publisher_generation },
	{ "publisherFd", publisher_fd },
	{ "publisherDispatch", publisher_dispatch },
	{ "publisherSetLimits", publisher_set_limits },
	{ "publisherFree", publisher_free },
	{ "listPublished", list_published },
	{ "subscribe", subscribe },
	{ "subscriptionUpdate", subscription_update },
	{ "subscriptionReconnect", subscription_reconnect },
	{ "subscriptionAcquire", subscription_acquire },
	{ "subscriptionGeneration", subscription_generation },
	{ "subscriptionFd", subscription_fd },
	{ "subscriptionFree", subscription_free },
	{ NULL, NULL },
};

/* SPDX-License-Identifier: MIT */

/*
 * The secret memory of programs of libsodium, as operations that fail at every step: the pages of preload/pages.c, and the
 * functions of preload/sodium.c that are made of them. What is not taken is inaccessible, before and after a failure.
 */

#include "tests/faults/operations.h"

#include "tests/support/holds.h"
#include "tests/support/support.h"

#include "lib/heap-internal.h"
#include "preload/pages.h"

#include <stdlib.h>
#include <string.h>

#define GARBAGE ((char)0xdb)
#define LARGE	(2 * page_size() + 48)

static int untouched;
#define UNTOUCHED ((struct pages *)(void *)&untouched)

void *sodium_malloc(size_t size);
void sodium_free(void *object);

static const char one_mapping[] =
	"a page and its guard are in one mapping, which the kernel changes as a whole";
static const char smaller[] = "what cannot be done for many may be possible for half of them";
static const char next_page[] = "memory that was there before the failure is for the next page";
static const char for_good[] = "the memory of a program of libsodium is made once";
static const char freeing[] = "freeing has no way to fail";

static unsigned promised(const struct subject *s)
{
	unsigned demanded = s->operation->guarantees;

	return demanded & SEALMEM_SECRECY
		       ? demanded | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK
		       : demanded;
}

static bool is_inaccessible(const char *at)
{
	return sys_readable(at) == -EFAULT;
}

static void expect_guarded(const char *page)
{
	EXPECT(is_inaccessible(page + page_size()));
	EXPECT(is_inaccessible(page - page_size()));
}

/* A page that somebody has taken has all that was demanded, and is zeroed. */
static void expect_page(const struct subject *s, char *page)
{
	EXPECT(zeroed(page, page_size()));
	EXPECT(guarantees_missing(page, page_size(), promised(s)) == 0);
	EXPECT(pages_contain(s->pages, page));
	EXPECT(pages_taken(s->pages, page + 17) == page);
	expect_guarded(page);
	fill_intact(page, page_size());
}

static void prepare_heap(struct subject *s)
{
	s->result = sealmem_heap_new(&s->heap, "faults", 1 << 22, s->operation->guarantees);
	s->pages = UNTOUCHED;
}

static int make_pages(struct subject *s)
{
	return pages_new(&s->pages, s->heap);
}

static void unchanged_heap(struct subject *s)
{
	EXPECT(s->pages == UNTOUCHED);
	EXPECT(sealmem_heap_check(s->heap) == 0);
}

static void release(struct subject *s)
{
	pages_free(s->pages);
	EXPECT(sealmem_heap_free(s->heap) == NULL);
}

/* Two that are next to each other, and one of them again. */
static void done_pages(struct subject *s)
{
	char *one, *other;

	EXPECT(pages_heap(s->pages) == s->heap);
	EXPECT(pages_take(s->pages, &one) == 0);
	expect_page(s, one);
	EXPECT(pages_take(s->pages, &other) == 0);
	EXPECT(other != one);
	expect_page(s, other);
	EXPECT(intact(one, page_size()));
	pages_give(s->pages, one);
	EXPECT(is_inaccessible(one));
	EXPECT(intact(other, page_size()));
	EXPECT(pages_take(s->pages, &one) == 0);
	expect_page(s, one);
	release(s);
}

static void prepare_pages(struct subject *s)
{
	prepare_heap(s);
	if (s->result == 0)
		s->result = make_pages(s);
}

static int take(struct subject *s)
{
	s->moved = NULL;
	return pages_take(s->pages, &s->moved);
}

static void unchanged_pages(struct subject *s)
{
	EXPECT(s->moved == NULL);
	EXPECT(sealmem_heap_check(s->heap) == 0);
}

static void done_page(struct subject *s)
{
	expect_page(s, s->moved);
	done_pages(s);
}

/* One that is in use, and one that was given back. */
static void prepare_given(struct subject *s)
{
	prepare_pages(s);
	if (s->result == 0)
		s->result = pages_take(s->pages, &s->piece);
	if (s->result == 0)
		s->result = pages_take(s->pages, &s->data);
	if (s->result < 0)
		return;
	fill_intact(s->piece, page_size());
	fill_intact(s->data, page_size());
	pages_give(s->pages, s->data);
}

static void unchanged_given(struct subject *s)
{
	unchanged_pages(s);
	EXPECT(is_inaccessible(s->data));
	EXPECT(intact(s->piece, page_size()));
}

static void done_again(struct subject *s)
{
	EXPECT(s->moved == s->data);
	EXPECT(intact(s->piece, page_size()));
	done_page(s);
}

static void prepare_taken(struct subject *s)
{
	prepare_pages(s);
	if (s->result == 0)
		s->result = pages_take(s->pages, &s->data);
	if (s->result == 0)
		fill_intact(s->data, page_size());
}

static int forbid(struct subject *s)
{
	return pages_protect(s->pages, s->data, PROT_NONE);
}

static int allow(struct subject *s)
{
	return pages_protect(s->pages, s->data, PROT_READ | PROT_WRITE);
}

static void unchanged_taken(struct subject *s)
{
	EXPECT(way_not_to_write(s->data) == NULL);
	EXPECT(intact(s->data, page_size()));
	expect_guarded(s->data);
}

static void done_forbidding(struct subject *s)
{
	EXPECT(is_inaccessible(s->data));
	expect_guarded(s->data);
	EXPECT(allow(s) == 0);
	unchanged_taken(s);
	done_pages(s);
}

static void prepare_forbidden(struct subject *s)
{
	prepare_taken(s);
	if (s->result == 0)
		EXPECT(forbid(s) == 0);
}

static void unchanged_forbidden(struct subject *s)
{
	EXPECT(is_inaccessible(s->data));
	expect_guarded(s->data);
}

static void done_allowing(struct subject *s)
{
	unchanged_taken(s);
	done_pages(s);
}

static int give(struct subject *s)
{
	pages_give(s->pages, s->data);
	return 0;
}

/* What the kernel does not make inaccessible is empty. */
static void done_giving(struct subject *s)
{
	if (!is_inaccessible(s->data))
		EXPECT(s->faults > 0 && zeroed(s->data, page_size()));
	expect_guarded(s->data);
	done_pages(s);
}

/* The functions of libsodium. The environment says what is demanded. */

static void choose_words(const struct subject *s)
{
	EXPECT(setenv("SEALMEM_SECRET_HEAP",
		      s->operation->guarantees & SEALMEM_SECRECY ? "secrecy" : "", 1) == 0);
}

static void prepare_nothing(struct subject *s)
{
	choose_words(s);
	s->data = NULL;
}

static int make(struct subject *s, size_t size)
{
	s->size = size;
	s->data = sodium_malloc(size);
	return s->data != NULL ? 0 : -errno;
}

static int make_small(struct subject *s)
{
	return make(s, 100);
}

static int make_large(struct subject *s)
{
	return make(s, LARGE);
}

static void unchanged_nothing(struct subject *s)
{
	EXPECT(s->data == NULL);
}

static void expect_object(const struct subject *s)
{
	char *page = (char *)((uintptr_t)s->data & ~(page_size() - 1));

	EXPECT(s->data[0] == GARBAGE && memcmp(s->data, s->data + 1, s->size - 1) == 0);
	EXPECT(guarantees_missing(page, page_size(), promised(s)) == 0);
	EXPECT(is_inaccessible(s->data + s->size));
	EXPECT(is_inaccessible(page - page_size()));
	memset(s->data, 's', s->size);
}

/* Its memory stays for good. */
static void done_object(struct subject *s)
{
	expect_object(s);
	sodium_free(s->data);
	EXPECT(is_inaccessible(s->data));
	EXPECT(make_small(s) == 0);
	expect_object(s);
	sodium_free(s->data);
	EXPECT(make_large(s) == 0);
	expect_object(s);
	sodium_free(s->data);
}

static void prepare_object(struct subject *s)
{
	choose_words(s);
	s->result = make_small(s);
	if (s->result == 0)
		memset(s->data, 's', s->size);
	/* It has no other error. */
	else
		s->result = -EAGAIN;
}

static int free_object(struct subject *s)
{
	sodium_free(s->data);
	return 0;
}

static void done_freeing(struct subject *s)
{
	EXPECT(is_inaccessible(s->data) || zeroed(s->data, s->size));
	EXPECT(make_small(s) == 0);
	expect_object(s);
	sodium_free(s->data);
}

#define PAGES_ERRORS EAGAIN, ENOMEM, EOPNOTSUPP, EFBIG, EMFILE, ENFILE

static const struct function news = { "pages_new", { EAGAIN, ENOMEM } },
			     takes = { "pages_take", { PAGES_ERRORS } },
			     protects = { "pages_protect", { ENOMEM } },
			     gives = { "pages_give", { 0 } },
			     mallocs = { "sodium_malloc", { ENOMEM } },
			     frees = { "sodium_free", { 0 } };

#define KIND(of_name, of_function, to_prepare, to_act, if_unchanged, if_done, ...)                 \
 const struct kind of_name = { .name = #of_name,                                                   \
			       .function = &of_function,                                           \
			       .prepare = to_prepare,                                              \
			       .act = to_act,                                                      \
			       .unchanged = if_unchanged,                                          \
			       .done = if_done,                                                    \
			       __VA_ARGS__ }

static void nothing(struct subject *s)
{
	(void)s;
}

KIND(new_pages, news, prepare_heap, make_pages, unchanged_heap, done_pages, .other_way = smaller);
KIND(take_page, takes, prepare_pages, take, unchanged_pages, done_page, .other_way = smaller,
     .growing = next_page);
KIND(take_page_again, takes, prepare_given, take, unchanged_given, done_again);
KIND(forbid_page, protects, prepare_taken, forbid, unchanged_taken, done_forbidding,
     .whole = one_mapping);
KIND(allow_page, protects, prepare_forbidden, allow, unchanged_forbidden, done_allowing,
     .whole = one_mapping);
KIND(give_page, gives, prepare_taken, give, nothing, done_giving, .never_fails = freeing,
     .whole = one_mapping);
KIND(make_sodium, mallocs, prepare_nothing, make_small, unchanged_nothing, done_object,
     .other_way = smaller, .growing = next_page, .staying = for_good, .one_error = ENOMEM);
KIND(make_sodium_large, mallocs, prepare_nothing, make_large, unchanged_nothing, done_object,
     .other_way = smaller, .growing = next_page, .staying = for_good, .one_error = ENOMEM);
KIND(free_sodium, frees, prepare_object, free_object, nothing, done_freeing, .never_fails = freeing,
     .whole = one_mapping, .staying = for_good);

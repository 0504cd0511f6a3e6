/* SPDX-License-Identifier: MIT */

/*
 * Keys that come and go. A server that signs what it hands out, such as a session's cookie, holds a key for each
 * purpose, replaces it from time to time, and accepts the one before for a while longer. Here each key is an object of
 * a heap: locked in memory, in no core dump, not inherited by children, wiped at the moment it is thrown away. The heap
 * is closed except while a key is used, so that a stray pointer finds no key in between.
 *
 *     keyring [--secrecy]
 *
 * It reads one command from each line of standard input, and answers with one line:
 *     new NAME              makes a key
 *     load NAME FILE        takes the 16 bytes of a file for a key
 *     rotate NAME           makes a new key; the one before is still accepted, and those before that are not
 *     sign NAME TEXT        answers with a tag of 16 digits
 *     check NAME TAG TEXT   "current", "previous" or "wrong"
 *     drop NAME             throws its keys away
 *
 * With --secrecy the kernel and other processes cannot read the keys either. The tag is SipHash-2-4 (Aumasson and
 * Bernstein, 2012), which is made for short texts. Exit status: 0, every command succeeded; 1, one did not; 2, there is
 * no heap. Build: cc keyring.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* 1,024 names with two keys each fit into it several times. */
#define LIMIT ((size_t)1 << 20)

#define NAMES		1024
#define NAME_MAX_LENGTH 31

enum { STATUS_REFUSED = 1, STATUS_FAILED = 2 };

struct key {
	uint64_t words[2];
};

/* What is not secret is in ordinary memory. */
struct entry {
	char name[NAME_MAX_LENGTH + 1]; /* "" if the entry is empty */
	struct key *current, *previous;
};

struct keyring {
	struct sealmem_heap *heap;
	struct entry entries[NAMES];
};

/* The words of a command. The last one goes on to the end of the line. */
struct words {
	char *name, *second, *text;
};

static uint64_t rotate_bits(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate_bits(v[1], 13) ^ v[0];
		v[3] = rotate_bits(v[3], 16) ^ v[2];
		v[0] = rotate_bits(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = rotate_bits(v[1], 17) ^ v[2];
		v[3] = rotate_bits(v[3], 21) ^ v[0];
		v[2] = rotate_bits(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

static uint64_t little_endian(const char *bytes, size_t size)
{
	uint64_t word = 0;

	while (size-- > 0)
		word = word << 8 | (unsigned char)bytes[size];
	return word;
}

/* What it computes with leads back to the key, so it is wiped too. */
static uint64_t tag_of(const struct key *key, const char *text)
{
	size_t length = strlen(text), left = length;
	uint64_t tag, v[4] = {
		key->words[0] ^ UINT64_C(0x736f6d6570736575),
		key->words[1] ^ UINT64_C(0x646f72616e646f6d),
		key->words[0] ^ UINT64_C(0x6c7967656e657261),
		key->words[1] ^ UINT64_C(0x7465646279746573),
	};

	for (; left >= 8; left -= 8, text += 8)
		absorb(v, little_endian(text, 8));
	absorb(v, (uint64_t)length << 56 | little_endian(text, left));
	v[2] ^= 0xff;
	mix(v, 4);
	tag = v[0] ^ v[1] ^ v[2] ^ v[3];
	sealmem_wipe(v, sizeof(v));
	return tag;
}

static struct entry *find(struct keyring *ring, const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(ring->entries[i].name, name) == 0)
			return &ring->entries[i];
	return NULL;
}

/* Straight into the heap: no other copy of the key exists that somebody would have to wipe. */
static int read_all(int fd, void *to, size_t size)
{
	ssize_t got = read(fd, to, size);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -ENODATA;
}

static int read_key(struct key *key, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = read_all(fd, key, sizeof(*key));
	(void)close(fd);
	return err;
}

static int random_key(struct key *key)
{
	return getrandom(key, sizeof(*key), 0) == (ssize_t)sizeof(*key) ? 0 : -errno;
}

/* While the heap is open. A key without a file is random. */
static int fill(struct keyring *ring, struct key *key, const char *path)
{
	int err = sealmem_heap_open(ring->heap), closed;

	if (err < 0)
		return err;
	err = path != NULL ? read_key(key, path) : random_key(key);
	closed = sealmem_heap_close(ring->heap);
	return err < 0 ? err : closed;
}

static int new_key(struct keyring *ring, struct key **ret, const char *path)
{
	struct key *key = sealmem_heap_alloc(ring->heap, sizeof(*key));
	int err = key != NULL ? fill(ring, key, path) : -errno;

	if (err < 0)
		sealmem_heap_dealloc(ring->heap, key);
	else
		*ret = key;
	return err;
}

static int add(struct keyring *ring, const struct words *words, const char *path)
{
	struct entry *entry = find(ring, "");
	int err;

	if (find(ring, words->name) != NULL)
		return -EEXIST;
	if (strlen(words->name) > NAME_MAX_LENGTH)
		return -ENAMETOOLONG;
	if (entry == NULL)
		return -ENOSPC;
	err = new_key(ring, &entry->current, path);
	if (err == 0)
		strcpy(entry->name, words->name);
	return err;
}

static int make(struct keyring *ring, const struct words *words)
{
	return add(ring, words, NULL);
}

static int load(struct keyring *ring, const struct words *words)
{
	return words->second != NULL ? add(ring, words, words->second) : -EINVAL;
}

/* The new key is complete before the old one loses its place: a failure leaves both as they were. */
static int rotate(struct keyring *ring, const struct words *words)
{
	struct entry *entry = find(ring, words->name);
	struct key *key;
	int err = entry != NULL ? new_key(ring, &key, NULL) : -ENOENT;

	if (err < 0)
		return err;
	sealmem_heap_dealloc(ring->heap, entry->previous);
	entry->previous = entry->current;
	entry->current = key;
	return 0;
}

static int drop(struct keyring *ring, const struct words *words)
{
	struct entry *entry = find(ring, words->name);

	if (entry == NULL)
		return -ENOENT;
	sealmem_heap_dealloc(ring->heap, entry->current);
	sealmem_heap_dealloc(ring->heap, entry->previous);
	*entry = (struct entry){ 0 };
	return 0;
}

static int compute_tag(struct keyring *ring, const struct key *key, const char *text, uint64_t *ret)
{
	int err = sealmem_heap_open(ring->heap);

	if (err < 0)
		return err;
	*ret = tag_of(key, text);
	return sealmem_heap_close(ring->heap);
}

static int sign(struct keyring *ring, const struct words *words)
{
	const struct entry *entry = find(ring, words->name);
	uint64_t tag;
	int err;

	if (entry == NULL)
		return -ENOENT;
	err = compute_tag(ring, entry->current, words->text, &tag);
	if (err == 0)
		(void)printf("%016" PRIx64 "\n", tag);
	return err;
}

/* The comparison takes as long whatever the tag is, or it would tell the right one, byte by byte. */
static int fits(struct keyring *ring, const struct key *key, const struct words *words, bool *ret)
{
	uint64_t tag, given = strtoull(words->second, NULL, 16);
	int err = compute_tag(ring, key, words->text, &tag);

	if (err == 0)
		*ret = sealmem_equal(&tag, &given, sizeof(tag));
	return err;
}

static int check(struct keyring *ring, const struct words *words)
{
	const struct entry *entry = find(ring, words->name);
	bool current = false, previous = false;
	int err;

	if (entry == NULL || words->second == NULL)
		return entry == NULL ? -ENOENT : -EINVAL;
	err = fits(ring, entry->current, words, &current);
	if (err == 0 && entry->previous != NULL)
		err = fits(ring, entry->previous, words, &previous);
	if (err == 0)
		(void)puts(current ? "current" : previous ? "previous" : "wrong");
	return err;
}

static const struct command {
	const char *name;
	int (*run)(struct keyring *ring, const struct words *words);
	bool has_second, answers;
} commands[] = {
	{ "new", make, false, false },	    { "load", load, true, false },
	{ "rotate", rotate, false, false }, { "sign", sign, false, true },
	{ "check", check, true, true },	    { "drop", drop, false, false },
};

static int run(struct keyring *ring, const struct command *command, char *line)
{
	struct words words = { .name = strsep(&line, " ") };
	int err;

	if (command->has_second)
		words.second = strsep(&line, " ");
	words.text = line != NULL ? line : "";
	if (words.name == NULL || *words.name == '\0')
		return -EINVAL;
	err = command->run(ring, &words);
	if (err == 0 && !command->answers)
		(void)puts("done");
	return err;
}

static int obey(struct keyring *ring, char *line)
{
	const char *name = strsep(&line, " ");

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return run(ring, &commands[i], line);
	return -ENOSYS;
}

static int serve(struct keyring *ring)
{
	int status = EXIT_SUCCESS, err;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		err = obey(ring, line);
		if (err < 0) {
			(void)printf("refused: %s\n", strerror(-err));
			status = STATUS_REFUSED;
		}
		if (fflush(stdout) != 0)
			break;
	}
	free(line);
	return status;
}

/* Closed from the first moment on. A child would get nothing: NOFORK. */
static int begin(struct keyring *ring, unsigned demand)
{
	int err = sealmem_heap_new(&ring->heap, "keyring", LIMIT, demand);

	if (err < 0)
		return err;
	err = sealmem_heap_close(ring->heap);
	if (err < 0)
		ring->heap = sealmem_heap_free(ring->heap);
	return err;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = { { "secrecy", no_argument, NULL, 's' }, { 0 } };
	unsigned demand = SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK;
	static struct keyring ring;
	int option, status, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) == 's')
		demand = SEALMEM_SECRECY;
	if (option != -1 || optind != argc)
		errx(STATUS_FAILED, "usage: keyring [--secrecy]");
	err = begin(&ring, demand);
	if (err < 0)
		errx(STATUS_FAILED, "no heap: %s", sealmem_strerror(err));
	status = serve(&ring);
	ring.heap = sealmem_heap_free(ring.heap);
	return status;
}

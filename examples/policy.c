/* SPDX-License-Identifier: MIT */

/*
 * A policy that cannot change once it is loaded. A server reads at start-up who may do what, and then
 * relies on it for weeks. One stray store into that table, by a bug or by an attacker who exploits one,
 * would change the answers. Here the whole table is in one region: the buckets, the entries and the
 * strings, with ordinary pointers between them. One seal covers them all, in place, so every pointer
 * made while loading stays valid, and a look-up takes as long as before.
 *
 *     policy ssh/tcp www/tcp udp              the ports and protocols of this machine
 *     policy < names                          the same, names from standard input
 *     policy --make-rules 100000 rules        writes a rule file to try
 *     policy --rules rules --prove 10.0.0.7:995/tcp
 *
 * Answers go to standard output as "NAME VALUE". Exit status: 0, all names were found; 1, one was not;
 * 2, an error. Build: cc policy.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Address space, not memory: a page that is not touched costs nothing, so a rough guess is enough. */
#define CAPACITY ((size_t)1 << 30)

#define BLANK	     " \t\r\n\v\f"
#define CLEANUP(how) __attribute__((cleanup(how)))

enum { STATUS_FOUND = 0, STATUS_NOT_FOUND = 1, STATUS_FAILED = 2 };

struct entry {
	struct entry *next;
	char *name;
	char *value;
};

/* The table is in the region too, because exchanging its buckets would be just as bad. */
struct table {
	size_t entries;
	size_t mask;
	struct entry **buckets;
};

struct loader {
	struct sealmem_region *region;
	struct entry *last;
	size_t entries;
};

static void free_region(struct sealmem_region **region)
{
	*region = sealmem_region_free(*region);
}

static void close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

static void free_text(char **text)
{
	free(*text);
}

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("policy: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return STATUS_FAILED;
}

/* FNV-1a is good enough: the names are short, and no attacker writes the policy. */
static size_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	return (size_t)(h ^ h >> 32);
}

static const char *look_up(const struct table *table, const char *name)
{
	const struct entry *entry = table->buckets[hash(name) & table->mask];

	while (entry != NULL && strcmp(entry->name, name) != 0)
		entry = entry->next;
	return entry != NULL ? entry->value : NULL;
}

static char *copy_text(struct loader *loader, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = sealmem_region_alloc(loader->region, size, 1);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static char *join(struct loader *loader, const char *name, const char *protocol)
{
	size_t size = strlen(name) + 1 + strlen(protocol) + 1;
	char *text = sealmem_region_alloc(loader->region, size, 1);

	if (text != NULL)
		(void)snprintf(text, size, "%s/%s", name, protocol);
	return text;
}

static int add(struct loader *loader, char *name, char *value)
{
	struct entry *entry;

	if (name == NULL || value == NULL)
		return -ENOMEM;
	entry = sealmem_region_alloc(loader->region, sizeof(*entry), _Alignof(struct entry));
	if (entry == NULL)
		return -ENOMEM;
	*entry = (struct entry){ loader->last, name, value };
	loader->last = entry;
	loader->entries++;
	return 0;
}

/* Aliases share the string of the value. */
static int load_service(struct loader *loader, char *line)
{
	char *rest, *name = strtok_r(line, BLANK, &rest);
	char *port = strtok_r(NULL, BLANK, &rest);
	char *protocol = port != NULL ? strchr(port, '/') : NULL;
	char *value;
	int err;

	if (protocol == NULL || protocol == port || protocol[1] == '\0')
		return -EINVAL;
	*protocol++ = '\0';
	value = copy_text(loader, port);
	for (err = 0; err == 0 && name != NULL; name = strtok_r(NULL, BLANK, &rest))
		err = add(loader, join(loader, name, protocol), value);
	return err;
}

static int load_protocol(struct loader *loader, char *line)
{
	char *rest, *name = strtok_r(line, BLANK, &rest);
	char *number = strtok_r(NULL, BLANK, &rest);
	char *value;
	int err;

	if (number == NULL || number[strspn(number, "0123456789")] != '\0')
		return -EINVAL;
	value = copy_text(loader, number);
	for (err = 0; err == 0 && name != NULL; name = strtok_r(NULL, BLANK, &rest))
		err = add(loader, copy_text(loader, name), value);
	return err;
}

static int load_rule(struct loader *loader, char *line)
{
	char *rest, *name = strtok_r(line, BLANK, &rest);
	size_t size;

	rest += strspn(rest, BLANK);
	for (size = strlen(rest); size > 0 && strchr(BLANK, rest[size - 1]) != NULL; size--)
		rest[size - 1] = '\0';
	if (*rest == '\0')
		return -EINVAL;
	return add(loader, copy_text(loader, name), copy_text(loader, rest));
}

static const struct format {
	const char *path;
	const char *shape;
	int (*load)(struct loader *loader, char *line);
} formats[] = {
	{ "/etc/services", "NAME PORT/PROTOCOL [ALIAS]...", load_service },
	{ "/etc/protocols", "NAME NUMBER [ALIAS]...", load_protocol },
	{ NULL, "NAME VALUE", load_rule },
};

#define FORMATS (sizeof(formats) / sizeof(*formats))

/* Returns -EILSEQ for bytes that no text file has, so that a program given by mistake is refused. */
static int load_line(struct loader *loader, const struct format *format, char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)line[i]) && !isspace((unsigned char)line[i]))
			return -EILSEQ;
	line[strcspn(line, "#")] = '\0';
	if (line[strspn(line, BLANK)] == '\0')
		return 0;
	return format->load(loader, line);
}

static int complain_of_line(const struct format *format, const char *path, size_t number, int err)
{
	switch (err) {
	case -EILSEQ:
		return complain("%s:%zu: not a text file", path, number);
	case -EINVAL:
		return complain("%s:%zu: expected %s", path, number, format->shape);
	default:
		return complain("%s:%zu: no room: %s", path, number, sealmem_strerror(err));
	}
}

static int load_lines(struct loader *loader, const struct format *format, const char *path,
		      FILE *file)
{
	CLEANUP(free_text) char *line = NULL;
	size_t space = 0, before = loader->entries;
	ssize_t length;

	for (size_t number = 1; (length = getline(&line, &space, file)) >= 0; number++) {
		int err = load_line(loader, format, line, (size_t)length);

		if (err < 0)
			return complain_of_line(format, path, number, err);
	}
	if (!feof(file))
		return complain("%s: %s", path, strerror(errno));
	if (loader->entries == before)
		return complain("%s: nothing in it", path);
	return 0;
}

static int load_file(struct loader *loader, const struct format *format, const char *path)
{
	CLEANUP(close_file) FILE *file = fopen(path, "re");
	bool ours = format->path != NULL && strcmp(path, format->path) == 0;

	if (file == NULL)
		return complain("%s: %s%s", path, strerror(errno),
				ours ? " (Debian has it in the package netbase)" : "");
	return load_lines(loader, format, path, file);
}

/*
 * The buckets come last, when their number is known, because a region takes nothing back. The list runs
 * from the last line to the first, so of two entries with one name the look-up finds the first in the
 * file, like getservbyname(3).
 */
static struct table *make_table(struct loader *loader)
{
	struct table *table = sealmem_region_alloc(loader->region, sizeof(*table), 0);
	struct entry *entry, *next;
	size_t count = 1;

	while (count < loader->entries)
		count *= 2;
	if (table == NULL)
		return NULL;
	table->buckets = sealmem_region_alloc(loader->region, count * sizeof(*table->buckets), 0);
	if (table->buckets == NULL)
		return NULL;
	table->entries = loader->entries;
	table->mask = count - 1;
	for (entry = loader->last; entry != NULL; entry = next) {
		struct entry **bucket = &table->buckets[hash(entry->name) & table->mask];

		next = entry->next;
		entry->next = *bucket;
		*bucket = entry;
	}
	return table;
}

static const struct table *load(struct sealmem_region *region, const char *const paths[FORMATS])
{
	struct loader loader = { .region = region };
	const struct table *table;

	for (size_t i = 0; i < FORMATS; i++)
		if (paths[i] != NULL && load_file(&loader, &formats[i], paths[i]) != 0)
			return NULL;
	table = make_table(&loader);
	if (table == NULL)
		(void)complain("no room for the table: %s", strerror(errno));
	return table;
}

/* Stores through the kernel, which honours page protection as a store would, but raises no signal. Puts
 * back the byte if the store got through. */
static int try_store(void *where)
{
	char had, other;
	int err;

	memcpy(&had, where, 1);
	other = (char)~had;
	err = sealmem_try_write(where, &other, 1);
	if (memcmp(where, &had, 1) == 0)
		return err;
	(void)sealmem_try_write(where, &had, 1);
	return 0;
}

/* Tries the three kinds of memory of the table. `expected` is 0 while the region is open, which shows that
 * the attempt is a real one. */
static int prove(const struct table *table, const char *when, int expected)
{
	struct entry *entry = NULL;

	for (size_t i = 0; entry == NULL; i++)
		entry = table->buckets[i];
	const struct {
		const char *what;
		void *where;
	} targets[] = {
		{ "bucket", table->buckets },
		{ "entry", &entry->value },
		{ "string", entry->value },
	};
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		int err = try_store(targets[i].where);
		const char *outcome = err == 0 ? "got through" : strerror(-err);

		(void)fprintf(stderr, "policy: %s the seal, a store to the %s at %p: %s\n", when,
			      targets[i].what, targets[i].where, outcome);
		if (err != expected)
			return complain("that should not be");
	}
	return 0;
}

static void summarise(const struct sealmem_region *region, const struct table *table)
{
	(void)fprintf(stderr,
		      "policy: %zu entries in %zu bytes under one seal, in force:", table->entries,
		      sealmem_region_size(region));
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (sealmem_region_guarantees(region) & bit)
			(void)fprintf(stderr, " %s", sealmem_guarantee_name(bit));
	(void)fputc('\n', stderr);
}

static int answer(const struct table *table, const char *name)
{
	const char *value = look_up(table, name);

	if (value == NULL) {
		(void)complain("%s: not in the policy", name);
		return STATUS_NOT_FOUND;
	}
	(void)printf("%s %s\n", name, value);
	return STATUS_FOUND;
}

static int answer_stdin(const struct table *table)
{
	CLEANUP(free_text) char *line = NULL;
	size_t space = 0;
	int status = STATUS_FOUND;

	while (getline(&line, &space, stdin) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		status |= answer(table, line);
	}
	if (!feof(stdin))
		return complain("standard input: %s", strerror(errno));
	return status;
}

static int answer_all(const struct table *table, char *const names[])
{
	int status = STATUS_FOUND;

	for (; *names != NULL; names++)
		status |= answer(table, *names);
	return status;
}

static int serve(const char *const paths[FORMATS], bool proving, char *const names[])
{
	CLEANUP(free_region) struct sealmem_region *region = NULL;
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_GUARDS;
	const struct table *table;
	int err;

	guarantees |= sealmem_supported() & SEALMEM_ADDRESS;
	err = sealmem_region_new(&region, "policy", CAPACITY, guarantees);
	if (err < 0)
		return complain("cannot make a region: %s", sealmem_strerror(err));
	table = load(region, paths);
	if (table == NULL)
		return STATUS_FAILED;
	if (proving && prove(table, "before", 0) != 0)
		return STATUS_FAILED;
	err = sealmem_region_seal(region);
	if (err < 0)
		return complain("cannot seal the policy: %s", sealmem_strerror(err));
	summarise(region, table);
	err = *names != NULL || proving ? answer_all(table, names) : answer_stdin(table);
	if (proving && prove(table, "after", -EFAULT) != 0)
		return STATUS_FAILED;
	return err;
}

/* Each rule has its own address, so each name occurs once. */
static int write_rules(FILE *file, unsigned long count)
{
	static const unsigned ports[] = { 22, 25, 53, 80, 143, 443, 587, 995, 5432, 8443 };
	static const char *const verdicts[] = { "accept", "drop", "reject", "accept log" };

	for (unsigned long i = 0; i < count; i++)
		if (fprintf(file, "10.%lu.%lu.%lu:%u/%s %s\n", i >> 16, i >> 8 & 0xff, i & 0xff,
			    ports[i % 10], i / 10 % 2 == 0 ? "tcp" : "udp", verdicts[i % 4]) < 0)
			return -errno;
	return fflush(file) == 0 ? 0 : -errno;
}

static int make_rules(const char *number, const char *path)
{
	CLEANUP(close_file) FILE *file = NULL;
	unsigned long count;
	char *end;
	int err;

	count = strtoul(number, &end, 10);
	if (!isdigit((unsigned char)*number) || *end != '\0' || count == 0 || count > 1ul << 24)
		return complain("--make-rules takes a number from 1 to %lu, not \"%s\"", 1ul << 24,
				number);
	file = fopen(path, "we");
	err = file != NULL ? write_rules(file, count) : -errno;
	return err < 0 ? complain("%s: %s", path, strerror(-err)) : 0;
}

static void print_usage(void)
{
	(void)puts("Usage: policy [OPTION]... [NAME]...\n"
		   "Seals a policy in memory and looks names up in it; names come from standard\n"
		   "input if none is given. Loads /etc/services and /etc/protocols by default.\n"
		   "\n"
		   "  --services FILE      lines of NAME PORT/PROTOCOL [ALIAS]...\n"
		   "  --protocols FILE     lines of NAME NUMBER [ALIAS]...\n"
		   "  --rules FILE         lines of NAME VALUE\n"
		   "  --prove              try to store into the table, before and after the seal\n"
		   "  --make-rules N FILE  write a rule file of N lines, and end\n"
		   "  --help");
}

static const struct option options[] = {
	{ "services", required_argument, NULL, 0 },
	{ "protocols", required_argument, NULL, 1 },
	{ "rules", required_argument, NULL, 2 },
	{ "make-rules", required_argument, NULL, 'm' },
	{ "prove", no_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int main(int argc, char *argv[])
{
	const char *paths[FORMATS] = { NULL }, *rules = NULL;
	bool proving = false, given = false;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'm':
			rules = optarg;
			break;
		case 'p':
			proving = true;
			break;
		case 'h':
			print_usage();
			return 0;
		case '?':
			return complain("%s: see policy --help", argv[optind - 1]);
		default:
			paths[option] = optarg;
			given = true;
		}
	}
	if (rules != NULL)
		return argc - optind == 1 ? make_rules(rules, argv[optind])
					  : complain("--make-rules takes N and FILE");
	for (size_t i = 0; i < FORMATS && !given; i++)
		paths[i] = formats[i].path;
	status = serve(paths, proving, argv + optind);
	if (fflush(stdout) != 0)
		return complain("standard output: %s", strerror(errno));
	return status;
}

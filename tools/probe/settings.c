/* SPDX-License-Identifier: MIT */

/*
 * The settings behind the guarantees, read from where the kernel shows them. Any of these places may be
 * missing (an older kernel, a container without /proc) or closed to plain users, and each of those is
 * an answer of its own: a value that could not be read is never reported as one that is not there.
 */

#include "tools/probe/settings.h"

#include "tools/launch/harden.h"
#include "tools/common/kernel.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* Without it every file below is missing, whatever the kernel has. */
static bool is_mounted(const char *path)
{
	static const char *const places[] = { "/proc/self", "/sys/module" };
	const char *place = places[strncmp(path, "/sys/", 5) == 0];

	return access(place, F_OK) == 0;
}

/* The beginning of a file, as a string. */
static int read_text(const char *path, char *ret, size_t size)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = sys_read(fd, ret, size - 1);
	if (got < 0)
		return (int)got;
	ret[got] = '\0';
	return 0;
}

__attribute__((format(printf, 2, 3))) static void set_effect(struct setting *s, const char *format,
							     ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(s->effect, sizeof(s->effect), format, arguments);
	va_end(arguments);
}

static void set_number(struct setting *s, uint64_t number)
{
	s->state = SETTING_FOUND;
	s->is_number = true;
	s->number = number;
}

static void set_word(struct setting *s, const char *word, size_t length)
{
	if (length > sizeof(s->word) - 1)
		length = sizeof(s->word) - 1;
	for (size_t i = 0; i < length; i++)
		s->word[i] = isascii(word[i]) && isprint(word[i]) ? word[i] : '?';
	s->word[length] = '\0';
	s->state = SETTING_FOUND;
}

static void set_string(struct setting *s, const char *word)
{
	set_word(s, word, strlen(word));
}

/* Of something that was tried. */
static void set_tried(struct setting *s, int err, const char *works, const char *otherwise)
{
	set_string(s, err == 0 ? "works" : strerror(-err));
	set_effect(s, "%s", err == 0 ? works : otherwise);
}

static void set_missing(struct setting *s, const char *path, int error)
{
	bool absent = error == -ENOENT && is_mounted(path);

	s->state = absent ? SETTING_ABSENT : SETTING_UNREADABLE;
}

static void read_number(struct setting *s, const char *path)
{
	char text[32];
	int err = read_text(path, text, sizeof(text));

	if (err < 0)
		set_missing(s, path, err);
	else
		set_number(s, strtoull(text, NULL, 10));
}

static void print_bytes(char *ret, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(*units)) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(ret, size, "%" PRIu64 " %s", bytes, units[unit]);
}

static void read_release(struct setting *s)
{
	struct utsname name;

	if (uname(&name) == 0)
		set_string(s, name.release);
}

static void read_machine(struct setting *s)
{
	struct utsname name;

	if (uname(&name) == 0)
		set_string(s, name.machine);
}

static void read_page_size(struct setting *s)
{
	set_number(s, page_size());
	s->in_bytes = true;
	set_effect(s, "a region takes whole pages");
}

static void read_memfd_noexec(struct setting *s)
{
	static const char *const effects[] = {
		"memfds are executable unless asked otherwise; regions ask otherwise",
		"memfds are not executable unless asked for; regions are not",
		"executable memfds are refused; regions are not executable",
	};

	read_number(s, "/proc/sys/vm/memfd_noexec");
	if (s->state == SETTING_ABSENT)
		set_effect(s, "memfds cannot be made non-executable before Linux 6.3");
	else if (s->state == SETTING_FOUND && s->number < sizeof(effects) / sizeof(*effects))
		set_effect(s, "%s", effects[s->number]);
}

/* The last one counts. What follows "--" is for the init process. */
static void find_parameter(struct setting *s, char *command_line, const char *name)
{
	size_t length = strlen(name);

	s->state = SETTING_UNSET;
	for (char *rest = NULL, *word = strtok_r(command_line, " \n", &rest);
	     word != NULL && strcmp(word, "--") != 0; word = strtok_r(NULL, " \n", &rest))
		if (strncmp(word, name, length) == 0 && word[length] == '=')
			set_string(s, word + length + 1);
}

static void read_proc_mem(struct setting *s)
{
	static const struct {
		const char *word, *effect;
	} effects[] = {
		{ "", "the kernel's default; CONTENT holds whatever it is" },
		{ "always",
		  "/proc/PID/mem passes over page protection; CONTENT holds all the same" },
		{ "ptrace",
		  "a tracer's /proc/PID/mem passes over page protection; CONTENT holds all the same" },
		{ "never", "/proc/PID/mem minds page protection" },
	};
	char command_line[8192];
	int err = read_text("/proc/cmdline", command_line, sizeof(command_line));

	if (err < 0) {
		set_missing(s, "/proc/cmdline", err);
		return;
	}
	find_parameter(s, command_line, "proc_mem.force_override");
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
		if (strcmp(s->word, effects[i].word) == 0)
			set_effect(s, "%s", effects[i].effect);
}

static void read_limit(struct setting *s, int resource)
{
	uint64_t limit;

	if (sys_limit(resource, &limit) == 0)
		set_number(s, limit);
}

static void read_memlock(struct setting *s)
{
	char most[32];

	read_limit(s, RLIMIT_MEMLOCK);
	s->in_bytes = true;
	print_bytes(most, sizeof(most), s->number / 2);
	if (s->state != SETTING_FOUND)
		return;
	if (s->number == UINT64_MAX || kernel_ignores_memlock() == 1)
		set_effect(s, "no limit on NOSWAP for this process");
	else if (s->number / 2 < page_size())
		set_effect(s,
			   "NOSWAP is not given: even one page has to be locked twice for a seal");
	else
		set_effect(s, "NOSWAP for %s: a seal locks a region twice for a moment", most);
}

static void read_nofile(struct setting *s)
{
	read_limit(s, RLIMIT_NOFILE);
	set_effect(s, "a region takes one descriptor, while open two on some kernels");
}

static void read_max_map_count(struct setting *s)
{
	read_number(s, "/proc/sys/vm/max_map_count");
	set_effect(s, "mappings per process: a sealed region takes one or two, with GUARDS three");
}

static void read_memfd_secret(struct setting *s)
{
	set_tried(s, kernel_try_memfd_secret(),
		  "for SECRECY; one open descriptor disables hibernation", "SECRECY would need it");
}

static void read_secretmem(struct setting *s)
{
	static const char path[] = "/sys/module/secretmem/parameters/enable";
	char text[8];
	int err = read_text(path, text, sizeof(text));

	if (err < 0)
		set_missing(s, path, err);
	else
		set_word(s, text, strcspn(text, "\n"));
	set_effect(s,
		   "memfd_secret(2) needs secretmem.enable=1 at boot; the default from Linux 6.5");
}

/* The number behind "NAME:" in /proc/self/status. */
static bool read_status(struct setting *s, const char *name)
{
	char text[8192], *line;
	int err = read_text("/proc/self/status", text, sizeof(text));

	if (err < 0) {
		set_missing(s, "/proc/self/status", err);
		return false;
	}
	line = strstr(text, name);
	s->state = SETTING_ABSENT;
	if (line != NULL)
		set_number(s, strtoull(line + strlen(name), NULL, 10));
	return line != NULL;
}

static void read_seccomp(struct setting *s)
{
	static const struct {
		const char *word, *effect;
	} modes[] = {
		{ "none", "no filter forbids system calls" },
		{ "strict", "hardly any system call is allowed" },
		{ "filter",
		  "a system call that the filter forbids is a guarantee that is not given" },
	};

	if (!read_status(s, "\nSeccomp:") || s->number >= sizeof(modes) / sizeof(*modes))
		return;
	s->is_number = false;
	set_string(s, modes[s->number].word);
	set_effect(s, "%s", modes[s->number].effect);
}

static void read_no_new_privs(struct setting *s)
{
	if (read_status(s, "\nNoNewPrivs:"))
		set_effect(s, s->number == 0 ? "execve(2) may grant privileges"
					     : "execve(2) grants no privileges");
}

/* A region is sealed through the first, a range and a fault report read the second. */
static void try_open(struct setting *s, const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY);

	set_string(s, fd >= 0 ? "usable" : strerror(-fd));
}

static void try_descriptors(struct setting *s)
{
	try_open(s, "/proc/self/fd");
	set_effect(s, "the first region of a process needs it, on some kernels all");
}

static void try_maps(struct setting *s)
{
	try_open(s, "/proc/self/maps");
	set_effect(s, "sealing a range and reporting faults need it");
}

static void try_write_execute(struct setting *s)
{
	set_tried(s, harden_try_write_execute(), "for sealmem run --deny-write-execute",
		  "sealmem run --deny-write-execute needs it: Linux 6.3 or later");
}

static void try_executable_memfd(struct setting *s)
{
	CLEANUP(close_fd_at) int fd = memfd_new_executable("probe", 0);

	set_tried(s, fd >= 0 ? 0 : fd, "for sealmem exec, and for sealmem run --no-dump",
		  "sealmem exec and sealmem run --no-dump need it");
}

static void read_suid_dumpable(struct setting *s)
{
	read_number(s, "/proc/sys/fs/suid_dumpable");
	if (s->state == SETTING_FOUND)
		set_effect(
			s,
			s->number == 1
				? "1 makes everything dumpable: sealmem run --no-dump is not given"
				: "for sealmem run --no-dump");
}

static const struct {
	const char *name;
	void (*read)(struct setting *s);
} settings[] = {
	{ "kernel", read_release },
	{ "machine", read_machine },
	{ "page size", read_page_size },
	{ "RLIMIT_MEMLOCK", read_memlock },
	{ "RLIMIT_NOFILE", read_nofile },
	{ "vm.max_map_count", read_max_map_count },
	{ "vm.memfd_noexec", read_memfd_noexec },
	{ "proc_mem.force_override", read_proc_mem },
	{ "memfd_secret(2)", read_memfd_secret },
	{ "secretmem.enable", read_secretmem },
	{ "seccomp", read_seccomp },
	{ "no_new_privs", read_no_new_privs },
	{ "PR_SET_MDWE", try_write_execute },
	{ "executable memfd", try_executable_memfd },
	{ "fs.suid_dumpable", read_suid_dumpable },
	{ "/proc/self/fd", try_descriptors },
	{ "/proc/self/maps", try_maps },
};

size_t settings_count(void)
{
	return sizeof(settings) / sizeof(*settings);
}

void settings_read(struct setting *ret, size_t index)
{
	*ret = (struct setting){ .name = settings[index].name, .state = SETTING_UNREADABLE };
	settings[index].read(ret);
}

void settings_print(char *ret, size_t size, const struct setting *s)
{
	static const char *const missing[] = { "", "not there", "not set", "not readable" };

	if (s->state != SETTING_FOUND)
		(void)snprintf(ret, size, "%s", missing[s->state]);
	else if (!s->is_number)
		(void)snprintf(ret, size, "%s", s->word);
	else if (s->number == UINT64_MAX)
		(void)snprintf(ret, size, "unlimited");
	else if (s->in_bytes)
		print_bytes(ret, size, s->number);
	else
		(void)snprintf(ret, size, "%" PRIu64, s->number);
}

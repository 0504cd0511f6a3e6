/* SPDX-License-Identifier: MIT */

/*
 * A program written for socket activation, that is for systemd's own library: what that makes of
 * LISTEN_FDS is what counts. Says of each descriptor its number, its name, whether it is sealed, its size
 * and its first line.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static void describe(int fd, const char *name)
{
	int seals = fcntl(fd, F_GET_SEALS);
	char line[64] = "";
	struct stat st = { 0 };
	ssize_t got = read(fd, line, sizeof(line) - 1);

	(void)fstat(fd, &st);
	line[got > 0 ? strcspn(line, "\n") : 0] = '\0';
	(void)printf("%d %s %s %lld %s\n", fd, name,
		     seals >= 0 && (seals & SEALS) == SEALS ? "sealed" : "unsealed",
		     (long long)st.st_size, line);
}

int main(void)
{
	char **names;
	int count = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < count; i++)
		describe(SD_LISTEN_FDS_START + i, names[i]);
	return count < 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_GO_SHIM_H
#define SEALMEM_GO_SHIM_H

/*
 * What lies between Go and the functions of the library that call back. C keeps no pointer of Go: `data` is the number of
 * a handle, and Go looks up what it stands for.
 */

#include <sealmem.h>

#include <stdint.h>
#include <stdlib.h>

extern int sealmemGoProgress(uintptr_t handle, size_t done, size_t total);
extern int sealmemGoVerify(uintptr_t handle, void *bytes, size_t size);
extern int sealmemGoAdmit(uintptr_t handle, int pid, unsigned uid, unsigned gid, int socket,
			  char *name);
extern int sealmemGoPublished(uintptr_t handle, struct sealmem_published *published);

static inline int sealmem_go_progress_(size_t done, size_t total, void *data)
{
	return sealmemGoProgress((uintptr_t)data, done, total);
}

static inline int sealmem_go_verify_(const void *bytes, size_t size, void *data)
{
	return sealmemGoVerify((uintptr_t)data, (void *)(uintptr_t)bytes, size);
}

static inline int sealmem_go_admit_(const struct sealmem_peer *peer, const char *name, void *data)
{
	return sealmemGoAdmit((uintptr_t)data, peer->pid, peer->uid, peer->gid, peer->socket,
			      (char *)(uintptr_t)name);
}

static inline int sealmem_go_published_(const struct sealmem_published *published, void *data)
{
	struct sealmem_published copy = *published;

	return sealmemGoPublished((uintptr_t)data, &copy);
}

static inline int sealmem_go_from_file(struct sealmem_region **ret, const char *name, int fd,
				       size_t limit, unsigned guarantees, uintptr_t handle)
{
	return sealmem_region_new_from_file_with(ret, name, fd, limit, guarantees,
						 sealmem_go_progress_, sealmem_go_verify_,
						 (void *)handle);
}

static inline int sealmem_go_load(void **ret, int fd, uintptr_t handle, int flags)
{
	return sealmem_load_verified(ret, fd, sealmem_go_verify_, (void *)handle, flags);
}

static inline int sealmem_go_admission(struct sealmem_publisher *p, uintptr_t handle)
{
	return sealmem_publisher_set_admission(p, handle != 0 ? sealmem_go_admit_ : NULL,
					       (void *)handle);
}

static inline int sealmem_go_list(int socket, uintptr_t handle)
{
	return sealmem_list_published(socket, sealmem_go_published_, (void *)handle);
}

#endif

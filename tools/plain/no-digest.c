/* SPDX-License-Identifier: MIT */

/*
 * A command that was built without libcrypto has no digests, and says so. What is to be verified is then refused.
 */

#include "tools/common/digest.h"

#include "lib/util.h"

#include <string.h>

int digest_of(struct digest *ret, int fd)
{
	(void)ret;
	(void)fd;
	return -ELIBACC;
}

const char *digest_fault(int err)
{
	return err == -ELIBACC ? "this sealmem was built without libcrypto" : strerror(-err);
}

/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_PUBLISHED_H
#define SEALMEM_TESTS_FAULTS_PUBLISHED_H

/* What publishers and subscriptions do, for the table of operations. */

#include "tests/faults/operations.h"

extern const struct kind publisher_new, publish_region, accept_client, serve_client, serve_list,
	subscribe, subscription_update, subscription_reconnect, subscription_release,
	list_published;

#endif

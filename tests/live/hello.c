/* SPDX-License-Identifier: MIT */

/*
 * A program to be built with each of the sanitizers, whose run-time libraries take most of the
 * address space for themselves before main() begins. Uses the heap and a thread, which they watch.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *work(void *arg)
{
	char **ret = arg;

	*ret = strdup("hello");
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char *text = NULL;

	if (pthread_create(&thread, NULL, work, &text) || pthread_join(thread, NULL) || !text)
		return 1;
	puts(text);
	free(text);
	return 0;
}

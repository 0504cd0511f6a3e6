/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_IMAGE_H
#define SEALMEM_IMAGE_H

/* A list as --image takes it, words with commas between them; NULL or "" is none. An exit code, or GO_ON. */
int image_check_words(const char *list);

/* Has the image of the program sealed when it starts. An exit code, or GO_ON. */
int image_prepare(const char *list, const char *name);

#endif

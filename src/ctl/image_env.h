/* image_env: the part of the user's environment that the image builder gets.
 *
 * The builder runs package managers, and those run scripts of packages: keys and tokens of other
 * programs have no business there, however they are called. So it is a list of what may go along
 * and not of what must not. */
#ifndef CCVM_CTL_IMAGE_ENV_H
#define CCVM_CTL_IMAGE_ENV_H

struct strv;

/* Appends the entries of envp whose names are in the list; where a name is there twice, the
 * first one, as getenv(3) sees it. */
void image_env(char *const *envp, struct strv *out);

#endif

/* fetch: the image whose path the user pasted, into a file of the agent's. */
#ifndef CCVM_GUEST_CLIP_FETCH_H
#define CCVM_GUEST_CLIP_FETCH_H

/* argv: the token and the suffix, of the host's choice (ccvm-init passes them on). */
int fetch_main(int argc, char **argv);

#endif

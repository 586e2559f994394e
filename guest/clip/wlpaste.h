/* wlpaste: wl-paste(1)'s command line, for images only. */
#ifndef CCVM_GUEST_CLIP_WLPASTE_H
#define CCVM_GUEST_CLIP_WLPASTE_H

/* Returns the exit code. */
int wlpaste_main(int argc, char **argv);
/* wl-copy(1) takes text and images out, which does not cross. */
int wlcopy_main(int argc, char **argv);

#endif

/* xclip: xclip(1)'s command line, for images only. */
#ifndef CCVM_GUEST_CLIP_XCLIP_H
#define CCVM_GUEST_CLIP_XCLIP_H

/* Returns the exit code. */
int xclip_main(int argc, char **argv);
/* xsel(1) knows text only, which does not cross. */
int xsel_main(int argc, char **argv);

#endif

/* transcripts: where claude keeps the conversations of one workspace. */
#ifndef CCVM_SESSION_TRANSCRIPTS_H
#define CCVM_SESSION_TRANSCRIPTS_H

/* The name of the folder below projects/ of claude's directory for this absolute path, as claude
 * 2.1 makes it: every UTF-16 unit that is no ASCII letter or digit becomes "-"; what is longer
 * than 200 units is cut there and ends with a hash of the whole. Pure. Free it. */
char *transcripts_folder(const char *workspace);

#endif

/* err: one error, as a value the caller owns.
 *
 * Functions that can fail return 0 or -1 (or NULL) and take a `struct err *` as last argument,
 * never NULL. The error is set once where it happens and wrapped with context on the way up; only
 * main prints it. */
#ifndef CCVM_BASE_ERR_H
#define CCVM_BASE_ERR_H

#define ERR_TEXT_MAX 1024

/* Exit codes of ccvm itself (the agent's own codes pass through unchanged). */
enum err_exit {
	ERR_EXIT_GUEST = 125,  /* the guest could not start, or died */
	ERR_EXIT_POLICY = 126, /* configuration or policy */
	ERR_EXIT_AGENT = 127,  /* claude is not in the image */
};

struct err {
	int exit_code;		   /* an enum err_exit, or 0 when none was chosen */
	int sys;		   /* errno where it happened, or 0 */
	const char *stage;	   /* what was being done, a literal; NULL when unknown */
	char text[ERR_TEXT_MAX];   /* what failed, on what, why */
	char remedy[ERR_TEXT_MAX]; /* what the user can do; may be empty */
};

/* Sets the text. Always returns -1, so that callers write `return err_set(e, …)`. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, and appends ": " and the text of the current errno, which is also stored. Returns
 * -1. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets what the user can do. Keeps an earlier remedy, which is nearer to the cause. Returns -1. */
int err_remedy(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the exit code unless a deeper layer chose one. Returns -1. */
int err_exit_code(struct err *e, int code);

/* Sets what was being done, unless a deeper layer did. Returns -1. */
int err_stage(struct err *e, const char *stage);

#endif

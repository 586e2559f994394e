/* model: what ccvm-tui knows and what it is doing. No terminal, no sockets: commands change the
 * model and leave wishes in it, which the program (app) grants. Texts of sessions were written
 * by guests; they are checked when drawn. */
#ifndef CCVM_UI_MODEL_H
#define CCVM_UI_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "client/keyname.h"
#include "proto/egressctl.h"
#include "proto/outcome.h"
#include "proto/view.h"

#define MODEL_SESSIONS	  64
#define MODEL_PANES	  4
#define MODEL_LOG	  200
#define MODEL_TEXT	  256
#define MODEL_EGRESS_ROWS 100
#define MODEL_MARKS	  64
#define MODEL_BINDINGS	  32
#define MODEL_SUGGESTIONS 6

enum model_mode {
	MODEL_LIST, /* keys go to the list */
	MODEL_PANE, /* keys go to the session in the active pane */
	MODEL_HELP,
	MODEL_LOG_PANEL,
	MODEL_EGRESS,
	MODEL_EXPLAIN,
	MODEL_PEEK,   /* keys go to the chosen session, whose last rows are shown */
	MODEL_COPY,   /* looking at a pane's history */
	MODEL_SEARCH, /* typing what to look for there */
	MODEL_FIND,   /* typing a session's name */
	MODEL_RENAME,
	MODEL_NEW,
	MODEL_ASK_STOP,
	MODEL_ASK_QUIT,
	MODEL_ASK_RESTART,
	MODEL_SAVE, /* typing the name of a file for the selection */
};

enum model_wish {
	WISH_NOTHING,
	WISH_STOP,	 /* the chosen session */
	WISH_RESTART,	 /* the chosen session */
	WISH_RENAME,	 /* to line */
	WISH_NEW,	 /* as form says */
	WISH_SUGGEST,	 /* directories for the form */
	WISH_COMPLETE,	 /* the directory of the form */
	WISH_EGRESS_LOG, /* of the chosen session */
	WISH_ALLOW,
	WISH_ALLOW_ONCE,
	WISH_DENY,  /* the chosen row of the egress panel */
	WISH_HOLD,  /* ask from now on */
	WISH_LINES, /* the history for copy mode */
	WISH_SEARCH,
	WISH_COPY, /* what is selected */
	WISH_SAVE, /* the same, to the file named in line */
	WISH_REDRAW,
	WISH_QUIT,
	WISH_QUIT_AND_STOP,
};

enum model_theme { THEME_DARK, THEME_LIGHT, THEME_MONO };

enum copy_kind { COPY_NOTHING, COPY_CHARS, COPY_LINES };

struct model_mark { /* a line of a session where something happened */
	uint64_t line;
	char what[80];
};

struct command;
struct model_binding {
	struct key key;
	const struct command *command;
};

struct model_session {
	char id[16], name[MODEL_TEXT], workspace[MODEL_TEXT], state[16], agent[16], why[MODEL_TEXT],
		title[MODEL_TEXT];
	char pool[16], pool_reason[MODEL_TEXT];
	char egress[16], last_refused[MODEL_TEXT], question[MODEL_TEXT];
	bool overlay, terminal, detached, seen;
	bool unseen_bell;
	/* ended: kept with its last screen until a key dismisses it; has_code: it said with what
	 * code */
	bool ended, has_code;
	int64_t code, ended_ms;
	struct buf record; /* to start one like it (client/record.h); empty: not known */
	int64_t refused;   /* connections, as the session counts them */
	int64_t state_since_ms, agent_since_ms, started_ms, memory_total_kib, memory_used_kib,
		load_milli, cores;
	int64_t pool_total_kib, pool_used_kib;
	struct view_screen screen;
	struct model_mark mark[MODEL_MARKS]; /* a ring */
	int marks;			     /* made so far */
};

struct model_line { /* being typed */
	char text[MODEL_TEXT];
};

enum model_field {
	FORM_DIRECTORY,
	FORM_NAME,
	FORM_MODE,
	FORM_MEMORY,
	FORM_CORES,
	FORM_POOL,
	FORM_ALLOWLIST,
	FORM_ARGUMENTS,
	FORM_PROMPT,
	FORM_FIELDS
};

struct model_egress_row {
	char entry[MODEL_TEXT], verdict[24], reason[64];
	int64_t count;
};

struct model {
	struct model_session session[MODEL_SESSIONS];
	int n, chosen;			  /* chosen: of the list */
	struct model_session spare;	  /* of spare_directory, not in the list; id empty: none */
	char spare_directory[MODEL_TEXT]; /* empty: none is wanted */
	int panes;			  /* 1, 2 or 4 */
	int active;
	char pane[MODEL_PANES][16]; /* ids; empty: none */
	bool zoomed, quitting;
	enum model_mode mode, before; /* before: what a dialog returns to */
	struct key prefix;
	bool after_prefix; /* the prefix key was typed in a pane */
	struct model_line line;
	struct model_line form[FORM_FIELDS];
	int form_field;
	struct model_line suggestion[MODEL_SUGGESTIONS]; /* for the directory */
	int suggestions, suggestion_chosen;		 /* chosen: -1: none */
	bool directory_typed;				 /* by hand, not chosen */
	char log[MODEL_LOG][MODEL_TEXT];
	int log_n; /* written so far */
	struct model_egress_row egress[MODEL_EGRESS_ROWS];
	int egress_n, egress_chosen;
	struct view_screen history;		 /* copy mode */
	uint64_t copy_top, copy_line, copy_mark; /* the mark is where the selection began */
	int copy_column, copy_mark_column;
	enum copy_kind copy_kind;
	struct model_line search; /* what was looked for last */
	bool search_down;	  /* as it was typed: / or ? */
	bool search_now_down;	  /* the search that is wished for: N goes the other way, once */
	enum model_theme theme;
	struct model_binding binding[MODEL_BINDINGS];
	int bindings;
	int help_top;
	char message[MODEL_TEXT];
	int64_t now_ms;
	/* Of a monotonic clock: when the key at hand was read, and the one before it; since when
	 * the user has seen what keys are about to answer (0: it is not painted yet). */
	int64_t input_ms, key_ms, shown_ms;
	unsigned keys; /* typed so far */
	enum model_wish wish;
};

void model_init(struct model *m, int64_t now_ms);
void model_fini(struct model *m);

/* A session's status.json; dead sessions are those not reported between begin and end. */
void model_begin_list(struct model *m);
void model_take_status(struct model *m, const char *id, const struct json_line *l);
void model_end_list(struct model *m);
/* A session's last frame: how it ended. */
void model_take_exit(struct model *m, const char *id, const struct outcome *o);
/* Forgets a session that has ended, by a key of the user. */
void model_dismiss(struct model *m, const char *id);
/* Another one takes the place of one that has ended, in its panes and in the list's choice. */
void model_replace(struct model *m, const char *id, const char *by);
int model_living(const struct model *m); /* sessions that have not ended */
/* Whether the spare is up and what the form asks for. */
bool model_spare_fits(const struct model *m);
/* An event of a session. True when it now waits for the user and is not being looked at. */
bool model_take_event(struct model *m, const char *id, const struct json_line *l);

/* A row of a session's log for the egress panel, or why there is none. */
void model_take_egress_row(struct model *m, const struct egressctl_row *row);
/* Where what was looked for is (UINT64_MAX: nowhere). True when lines from copy_top on are wanted.
 */
bool model_take_found(struct model *m, uint64_t line);

struct model_session *model_find(struct model *m, const char *id); /* or NULL */
struct model_session *model_chosen(struct model *m);		   /* or NULL */
struct model_session *model_in_pane(struct model *m, int pane);	   /* or NULL */
/* The one keys of a pane go to. */
struct model_session *model_active(struct model *m);
bool model_is_looked_at(const struct model *m, const struct model_session *s);
void model_choose(struct model *m, int i);
/* A session that a key asked for is there: chosen, unless keys were typed since (`keys` was
 * m->keys then) or go elsewhere than to the list. */
void model_offer(struct model *m, const char *id, unsigned keys);

/* How long a question must have been on the screen, and no key have come, before a key answers
 * it: what is typed into a session that ends, or ahead of a question, decides nothing. */
#define MODEL_SETTLE_MS 400
/* A key arrives, read at that time of a monotonic clock; the screen was painted at that time. */
void model_on_input(struct model *m, int64_t ms);
void model_on_painted(struct model *m, int64_t ms);
/* Whether the key at hand may answer what the screen asks. */
bool model_may_answer(const struct model *m);
/* What is selected in copy mode, from the first place to the last, both included; with
 * COPY_LINES the columns mean nothing. Without a selection it is the line. */
struct model_span {
	uint64_t from, to;
	int from_column, to_column;
	enum copy_kind kind;
};
struct model_span model_selected(const struct model *m);
/* Shows the chosen session in the active pane. */
void model_show(struct model *m);
int model_waiting(const struct model *m);
/* The next session that waits, after the chosen one; -1: none. */
int model_next_waiting(const struct model *m);
/* The best match of typed letters, in their order, in a name: where they lie closest together,
 * then where they come earliest, then the first session; -1: none. */
int model_find_by_letters(const struct model *m, const char *letters);
void model_set_panes(struct model *m, int panes);
void model_say(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Remembers the line a session is at, where its program leaves lines behind. */
void model_add_mark(struct model_session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void model_add_log(struct model *m, const char *text);
void model_open(struct model *m, enum model_mode mode); /* a dialog or panel */
void model_close(struct model *m);

#endif

#include "proto/outcome.h"

DOCUMENT_SHAPE(outcome, DOCUMENT_FIELD(outcome, code, DOCUMENT_INT, "what the client exits with"),
	       DOCUMENT_FIELD(outcome, failed, DOCUMENT_FLAG,
			      "a failure of ccvm's own, and not the agent's code"),
	       DOCUMENT_FIELD(outcome, directory, DOCUMENT_TEXT,
			      "the directory that a dry run leaves"),
	       DOCUMENT_FIELD(outcome, stage, DOCUMENT_TEXT, "of the failure: what was being done"),
	       DOCUMENT_FIELD(outcome, reason, DOCUMENT_TEXT, "of the failure: what happened"),
	       DOCUMENT_FIELD(outcome, remedy, DOCUMENT_TEXT, "of the failure: what to do"),
	       DOCUMENT_FIELD(outcome, console, DOCUMENT_TEXT,
			      "of the failure: the guest's last lines, escaped"),
	       DOCUMENT_FIELD(outcome, qemu, DOCUMENT_TEXT,
			      "of the failure: the last lines of QEMU and ccvm-net, escaped"));

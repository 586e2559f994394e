#include "ssh/sshforward.h"
#include "base/mem.h"

#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <stdint.h>

#define SSHFORWARD_WRITE_MAX 32768 /* in one go: the agent's terminal waits behind it */

struct sshforward_connection {
	struct sshforward *forward;
	ssh_channel channel; /* NULL: free */
	struct ssh_channel_callbacks_struct cb;
	unsigned id;
	bool ended;
};

struct sshforward {
	ssh_session session; /* borrowed */
	struct sshforward_callbacks cb;
	struct sshforward_connection connection[SSHFORWARD_MAX];
	unsigned ids;
};

static int sshforward_on_data(ssh_session session, ssh_channel channel, void *bytes, uint32_t n,
			      int is_stderr, void *ctx)
{
	struct sshforward_connection *c = ctx;

	(void)session;
	(void)channel;
	if (!is_stderr && !c->ended)
		c->forward->cb.on_bytes(c->forward->cb.ctx, c->id, bytes, n);
	return (int)n;
}

/* A guest that half-closes has sent its question, and may still read the answer. */
static void sshforward_on_close(ssh_session session, ssh_channel channel, void *ctx)
{
	struct sshforward_connection *c = ctx;

	(void)session;
	(void)channel;
	if (!c->ended) {
		c->ended = true;
		c->forward->cb.on_end(c->forward->cb.ctx, c->id);
	}
}

static struct sshforward_connection *sshforward_find_free(struct sshforward *f)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		if (!f->connection[i].channel)
			return &f->connection[i];
	return NULL;
}

/* 1: libssh refuses it. */
static int sshforward_on_message(ssh_session session, ssh_message message, void *ctx)
{
	struct sshforward *f = ctx;
	struct sshforward_connection *c = sshforward_find_free(f);

	(void)session;
	if (ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN ||
	    ssh_message_subtype(message) != SSH_CHANNEL_FORWARDED_TCPIP || !c)
		return 1;
	*c = (struct sshforward_connection){.forward = f, .id = ++f->ids};
	c->channel = ssh_message_channel_request_open_reply_accept(message);
	if (!c->channel)
		return 1;
	c->cb.userdata = c;
	c->cb.channel_data_function = sshforward_on_data;
	c->cb.channel_close_function = sshforward_on_close;
	ssh_callbacks_init(&c->cb);
	ssh_set_channel_callbacks(c->channel, &c->cb);
	return 0;
}

struct sshforward *sshforward_new(ssh_session session, const struct sshforward_callbacks *callbacks)
{
	struct sshforward *f = mem_alloc(sizeof(*f));

	f->session = session;
	f->cb = *callbacks;
	ssh_set_message_callback(session, sshforward_on_message, f);
	return f;
}

static void sshforward_drop(struct sshforward_connection *c)
{
	ssh_remove_channel_callbacks(c->channel, &c->cb);
	ssh_channel_free(c->channel);
	c->channel = NULL;
}

void sshforward_free(struct sshforward *f)
{
	if (!f)
		return;
	ssh_set_message_callback(f->session, NULL, NULL);
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		if (f->connection[i].channel)
			sshforward_drop(&f->connection[i]);
	free(f);
}

static struct sshforward_connection *sshforward_find(struct sshforward *f, unsigned id)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		if (f->connection[i].channel && f->connection[i].id == id &&
		    !f->connection[i].ended)
			return &f->connection[i];
	return NULL;
}

size_t sshforward_write(struct sshforward *f, unsigned id, const void *bytes, size_t n)
{
	struct sshforward_connection *c = sshforward_find(f, id);
	uint32_t window;
	int written;

	/* libssh queues at most the packet that the socket has not taken yet. */
	if (!c || ssh_get_poll_flags(f->session) & SSH_WRITE_PENDING)
		return 0;
	window = ssh_channel_window_size(c->channel);
	n = n < window ? n : window;
	n = n < SSHFORWARD_WRITE_MAX ? n : SSHFORWARD_WRITE_MAX;
	written = n ? ssh_channel_write(c->channel, bytes, (uint32_t)n) : 0;
	return written > 0 ? (size_t)written : 0;
}

void sshforward_close(struct sshforward *f, unsigned id)
{
	struct sshforward_connection *c = sshforward_find(f, id);

	if (!c)
		return;
	c->ended = true;
	ssh_channel_send_eof(c->channel);
	ssh_channel_close(c->channel);
}

void sshforward_reap(struct sshforward *f)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		if (f->connection[i].channel && f->connection[i].ended)
			sshforward_drop(&f->connection[i]);
}

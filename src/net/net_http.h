/* net_http: the host that the first request of a stream is for (RFC 9112), and the text of a
 * refusal. Pure.
 */
#ifndef CCVM_NET_HTTP_H
#define CCVM_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "net/net_tls.h"

#define NET_HTTP_HEAD_MAX    (16 * 1024)
#define NET_HTTP_REFUSAL_MAX 2048

/* FOUND: the host without its port, lower case, no trailing dot. Strict: CRLF line ends, no folded
 * lines, no space before a colon, exactly one Host; a request target with a host of its own must
 * name the same one. */
enum net_sniff net_http_host(const uint8_t *bytes, size_t len, char name[NET_TLS_NAME_MAX + 1]);

/* A whole answer, status 403, that says what was refused, why, and that the user is to be asked.
 * name and reason hold checked characters only. Returns its length. */
size_t net_http_refusal(char out[NET_HTTP_REFUSAL_MAX], const char *name, unsigned port,
			const char *reason);

#endif

/* net_tls: the server name of a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), read from
 * the first bytes of a TCP stream. Pure. */
#ifndef CCVM_NET_TLS_H
#define CCVM_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_TLS_NAME_MAX 255

/* How far the beginning of a stream tells what it is for. */
enum net_sniff {
	NET_SNIFF_MORE,	 /* fine so far, but not whole */
	NET_SNIFF_FOUND, /* a name */
	NET_SNIFF_NONE,	 /* whole and without a name */
	NET_SNIFF_BAD,	 /* not what belongs on this port, or ambiguous */
	NET_SNIFF_ECH,	 /* the name that counts is encrypted, or may be */
};

/* Copies a host name in lower case; false when it is empty, too long, or holds what no host name
 * does. */
bool net_tls_copy_name(const void *bytes, size_t n, char name[NET_TLS_NAME_MAX + 1]);

/* Reads records up to the end of the first handshake message. name: lower case, NUL-terminated,
 * letters, digits, dots, - and _ only. */
enum net_sniff net_tls_server_name(const uint8_t *bytes, size_t len,
				   char name[NET_TLS_NAME_MAX + 1]);

#endif

/* areas: base
 * files: guest/init/seedread.c
 * Any bytes as a file of the seed: refused, or a value within its bounds. The first byte chooses
 * the reader.
 */
#include "fuzz/fuzz.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/seedread.h"
#include "proto/names.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_int(const char *p, size_t n)
{
	int64_t v = 0;
	struct err e;

	if (seedread_int(p, n, -1000, 0xfffffffe, &v, &e) == 0)
		check(v >= -1000 && v <= 0xfffffffe && n <= 21);
	if (seedread_int(p, n, INT64_MIN, INT64_MAX, &v, &e) == 0) {
		char text[32];

		snprintf(text, sizeof(text), "%lld", (long long)v);
		check(strspn(p, "-0123456789\n") >= n && strlen(text) <= n);
	}
}

static void fuzz_path(const char *p, size_t n)
{
	char path[256];
	struct err e;

	if (seedread_path(p, n, path, sizeof(path), &e) < 0)
		return;
	check(path[0] == '/' && path[1] && strlen(path) < sizeof(path) && strlen(path) <= n);
	check(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
	for (const char *c = path; *c; c++)
		check((unsigned char)*c >= 0x20);
}

static void fuzz_folder(const char *p, size_t n)
{
	char folder[256];
	struct err e;

	if (seedread_folder(p, n, folder, sizeof(folder), &e) == 0)
		check(folder[0] && strlen(folder) <= n && !strpbrk(folder, "/. \n"));
}

static void fuzz_names(const char *p, size_t n)
{
	AUTO_BUF struct buf out = {0};
	struct err e;

	if (seedread_names(p, n, &out, &e) < 0)
		return;
	for (size_t i = 0; i < buf_len(&out); i++) {
		char c = (char)buf_data(&out)[i];

		check((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '\n');
		check(c != '\n' || (i > 0 && buf_data(&out)[i - 1] != '\n'));
	}
	check(!buf_len(&out) || buf_data(&out)[buf_len(&out) - 1] == '\n');
}

static void fuzz_args(const char *p, size_t n)
{
	AUTO_STRV struct strv out = {0};
	AUTO_BUF struct buf joined = {0};
	struct err e;

	if (seedread_args(p, n, &out, &e) < 0)
		return;
	for (size_t i = 0; i < out.n; i++)
		buf_add(&joined, out.v[i], strlen(out.v[i]) + 1);
	check(buf_len(&joined) == n && (n == 0 || memcmp(buf_data(&joined), p, n) == 0));
}

static void fuzz_addresses(const char *p, size_t n)
{
	AUTO_STRV struct strv out = {0};
	struct err e;

	if (seedread_addresses(p, n, &out, &e) < 0)
		return;
	for (size_t i = 0; i < out.n; i++)
		check(out.v[i][0] &&
		      strspn(out.v[i], "0123456789abcdefABCDEF.:/") == strlen(out.v[i]));
}

static void fuzz_extra(const char *p, size_t n)
{
	AUTO_STRV struct strv out = {0};
	struct err e;

	if (seedread_extra(p, n, &out, &e) < 0)
		return;
	check(out.n <= NAME_EXTRA_MAX);
	for (size_t i = 0; i < out.n; i++)
		check(out.v[i][0] == 'r' && out.v[i][2] == ' ' && out.v[i][3] == '/' &&
		      !strstr(out.v[i], "/../") && !strstr(out.v[i], "//"));
}

static void fuzz_private(const char *p, size_t n)
{
	AUTO_STRV struct strv out = {0};
	struct err e;

	if (seedread_private(p, n, &out, &e) < 0)
		return;
	check(out.n <= NAME_PRIVATE_MAX);
	for (size_t i = 0; i < out.n; i++)
		check(out.v[i][0] && out.v[i][0] != '/' && strcmp(out.v[i], "..") != 0 &&
		      strncmp(out.v[i], "../", 3) != 0 && !strstr(out.v[i], "/../"));
}

static void fuzz_ports(const char *p, size_t n)
{
	uint16_t ports[16];
	size_t count = 99;
	struct err e;

	if (seedread_ports(p, n, ports, ARRAY_LEN(ports), &count, &e) < 0)
		return;
	check(count <= ARRAY_LEN(ports));
	for (size_t i = 0; i < count; i++)
		check(ports[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *, size_t) = {
		fuzz_int,   fuzz_path,	 fuzz_names, fuzz_args,	  fuzz_addresses,
		fuzz_ports, fuzz_folder, fuzz_extra, fuzz_private};
	AUTO_FREE char *text = NULL;

	if (!size)
		return 0;
	/* Exactly as long as the input, and a byte more that is never to count. */
	text = mem_alloc(size + 1);
	memcpy(text, data + 1, size - 1);
	readers[data[0] % ARRAY_LEN(readers)](text, size - 1);
	return 0;
}

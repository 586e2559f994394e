/* Theory of operation.
 *
 * 1. The memory is cut into chunks. Threads take one after the other, read it with pread (a mapped
 *    file that is truncated meanwhile would kill this process), leave out pages of zeros, and write
 *    the rest, one thread at a time.
 * 2. A chunk's hash covers number and bytes of each page that is not zero. The whole one's is that
 *    of the chunks' in order: which thread took which does not matter.
 * 3. The first failure stops all threads. They end before the caller goes on, and block all
 *    signals. */
#include "vm/ramfile.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define RAMFILE_PAGE	    4096
#define RAMFILE_BLOCK	    (1 << 20)  /* read at a time */
#define RAMFILE_CHUNK	    (16 << 20) /* what a thread takes */
#define RAMFILE_THREADS_MAX 4	       /* memory's bandwidth ends there */

struct ramfile {
	int fd;
	off_t size;
	int to;			    /* -1: nowhere */
	XXH128_canonical_t *hashes; /* of chunks */
	size_t nchunks;
	atomic_size_t next; /* first chunk not taken yet */
	atomic_bool failed;
	pthread_mutex_t writing; /* two writers of one file only contend in the kernel */
	pthread_mutex_t failing; /* of err */
	struct err err;
};

static bool ramfile_is_zero(const unsigned char *page)
{
	return page[0] == 0 && memcmp(page, page + 1, RAMFILE_PAGE - 1) == 0;
}

static int ramfile_read(const struct ramfile *r, unsigned char *block, size_t n, off_t offset,
			struct err *e)
{
	for (size_t got = 0; got < n;) {
		ssize_t k = pread(r->fd, block + got, n - got, offset + (off_t)got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? err_sys(e, "read the memory")
				     : err_set(e, "the memory's file ends early");
		got += (size_t)k;
	}
	return 0;
}

static int ramfile_write(const struct ramfile *r, const unsigned char *bytes, size_t n,
			 off_t offset, struct err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = pwrite(r->to, bytes + done, n - done, offset + (off_t)done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write the memory");
		done += (size_t)w;
	}
	return 0;
}

static int ramfile_write_block(struct ramfile *r, const unsigned char *block, size_t n,
			       off_t offset, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&r->writing);
	for (size_t at = 0, end; rc == 0 && at < n; at = end + RAMFILE_PAGE) {
		for (end = at; end < n && !ramfile_is_zero(block + end); end += RAMFILE_PAGE)
			;
		if (end > at)
			rc = ramfile_write(r, block + at, end - at, offset + (off_t)at, e);
	}
	pthread_mutex_unlock(&r->writing);
	return rc;
}

static void ramfile_hash_block(const unsigned char *block, size_t n, off_t offset,
			       XXH3_state_t *hash)
{
	for (size_t at = 0; at < n; at += RAMFILE_PAGE) {
		const int64_t where = offset + (off_t)at;

		if (ramfile_is_zero(block + at))
			continue;
		XXH3_128bits_update(hash, &where, sizeof(where));
		XXH3_128bits_update(hash, block + at, RAMFILE_PAGE);
	}
}

static int ramfile_chunk(struct ramfile *r, size_t index, unsigned char *block, XXH3_state_t *hash,
			 struct err *e)
{
	const off_t begin = (off_t)index * RAMFILE_CHUNK;
	const off_t end = r->size - begin < RAMFILE_CHUNK ? r->size : begin + RAMFILE_CHUNK;

	XXH3_128bits_reset(hash);
	for (off_t at = begin; at < end;) {
		const off_t data = lseek(r->fd, at, SEEK_DATA);
		size_t n;

		if (data < 0 || data >= end)
			break; /* ENXIO: only a hole is left */
		at = data & ~(off_t)(RAMFILE_PAGE - 1);
		n = (size_t)(end - at < RAMFILE_BLOCK ? end - at : RAMFILE_BLOCK);
		if (ramfile_read(r, block, n, at, e) < 0)
			return -1;
		ramfile_hash_block(block, n, at, hash);
		if (r->to >= 0 && ramfile_write_block(r, block, n, at, e) < 0)
			return -1;
		at += (off_t)n;
	}
	XXH128_canonicalFromHash(&r->hashes[index], XXH3_128bits_digest(hash));
	return 0;
}

static void *ramfile_work(void *ctx)
{
	struct ramfile *r = ctx;
	AUTO_FREE unsigned char *block = mem_alloc(RAMFILE_BLOCK);
	XXH3_state_t *hash = XXH3_createState();
	struct err e;
	size_t i;

	while (!r->failed && (i = r->next++) < r->nchunks) {
		if (ramfile_chunk(r, i, block, hash, &e) == 0)
			continue;
		pthread_mutex_lock(&r->failing);
		if (!r->failed)
			r->err = e;
		r->failed = true;
		pthread_mutex_unlock(&r->failing);
	}
	XXH3_freeState(hash);
	return NULL;
}

/* Threads beside this one, which works too; fewer than wanted is not a failure. */
static size_t ramfile_helpers(const struct ramfile *r)
{
	cpu_set_t cpus;
	size_t n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1;

	if (n > RAMFILE_THREADS_MAX)
		n = RAMFILE_THREADS_MAX;
	return (n < r->nchunks ? n : r->nchunks) - 1;
}

static int ramfile_run(struct ramfile *r, char hash[RAMFILE_HASH_SIZE], struct err *e)
{
	pthread_t helpers[RAMFILE_THREADS_MAX];
	size_t wanted, n = 0;
	sigset_t all, before;
	XXH128_hash_t whole;

	r->nchunks = (size_t)((r->size + RAMFILE_CHUNK - 1) / RAMFILE_CHUNK);
	r->hashes = mem_alloc(r->nchunks * sizeof(*r->hashes));
	pthread_mutex_init(&r->writing, NULL);
	pthread_mutex_init(&r->failing, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	wanted = ramfile_helpers(r);
	while (n < wanted && pthread_create(&helpers[n], NULL, ramfile_work, r) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ramfile_work(r);
	while (n > 0)
		pthread_join(helpers[--n], NULL);
	pthread_mutex_destroy(&r->writing);
	pthread_mutex_destroy(&r->failing);
	whole = XXH3_128bits(r->hashes, r->nchunks * sizeof(*r->hashes));
	snprintf(hash, RAMFILE_HASH_SIZE, "%016llx%016llx", (unsigned long long)whole.high64,
		 (unsigned long long)whole.low64);
	free(r->hashes);
	if (r->failed)
		*e = r->err;
	return r->failed ? -1 : 0;
}

int ramfile_copy(int fd, int to, off_t size, char hash[RAMFILE_HASH_SIZE], struct err *e)
{
	struct ramfile r = {.fd = fd, .to = to, .size = size};

	return ramfile_run(&r, hash, e);
}

/* areas: base proto
 * files: src/client/typed.c src/client/picture.c src/client/termclip.c src/clip/clip_kitty.c src/clip/clip_hold.c src/clip/clip_path.c src/clip/clip_typed.c src/clip/clip_image.c src/clip/clip_request.c src/conf/env.c
 * What the user's terminal sends, with real files: images that are named go to the session,
 * everything else passes as it came. */
#include "unit/unit.h"

#include "base/file.h"
#include "client/typed.h"
#include "proto/clip.h"

#include <sys/stat.h>
#include <unistd.h>

static const unsigned char png[] =
	"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0";

struct fixture {
	char dir[64];
	struct typed typed;
	struct buf passed, image, asked; /* asked: paths, a newline behind each */
	struct buf shown, clip, done;	 /* of the terminal's clipboard */
};

static void on_send(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct fixture *f = ctx;

	if (type == WIRE_IMAGE_BYTES) {
		buf_add(&f->image, payload, n);
		return;
	}
	if (type == WIRE_CLIP_BYTES || type == WIRE_CLIP_DONE) {
		buf_add(type == WIRE_CLIP_BYTES ? &f->clip : &f->done, payload, n);
		return;
	}
	assert_int_equal(type, WIRE_IMAGE);
	buf_add(&f->asked, payload, n);
	buf_add(&f->asked, "\n", 1);
}

static void on_pass(void *ctx, const void *bytes, size_t n)
{
	buf_add(&((struct fixture *)ctx)->passed, bytes, n);
}

static void on_show(void *ctx, const void *bytes, size_t n)
{
	buf_add(&((struct fixture *)ctx)->shown, bytes, n);
}

static void put(const struct fixture *f, const char *name, const void *bytes, size_t n)
{
	AUTO_FREE char *path = mem_format("%s/%s", f->dir, name);
	struct err e;

	assert_int_equal(file_create(AT_FDCWD, path, bytes, n, 0600, &e), 0);
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	AUTO_FREE char *pipe = NULL, *link = NULL;

	strcpy(f->dir, "/tmp/ccvm-typed-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->typed.cb = (struct typed_callbacks){on_send, on_pass, on_show, f};
	put(f, "a.png", png, sizeof(png) - 1);
	put(f, "my b.png", png, sizeof(png) - 1);
	put(f, "key.png", "-----BEGIN OPENSSH PRIVATE KEY-----\n", 36);
	put(f, "bitmap.png", "BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0", 26);
	put(f, "empty.png", "", 0);
	pipe = mem_format("%s/pipe.png", f->dir);
	link = mem_format("%s/null.png", f->dir);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(symlink("/dev/zero", link), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e;

	typed_fini(&f->typed);
	buf_fini(&f->passed);
	buf_fini(&f->image);
	buf_fini(&f->asked);
	buf_fini(&f->shown);
	buf_fini(&f->clip);
	buf_fini(&f->done);
	assert_int_equal(file_remove_tree(AT_FDCWD, f->dir, &e), 0);
	free(f);
	return 0;
}

/* @ in text stands for the directory. */
static char *with_dir(const struct fixture *f, const char *text)
{
	struct buf out = {0};

	for (; *text; text++) {
		if (*text == '@')
			buf_add(&out, f->dir, strlen(f->dir));
		else
			buf_add(&out, text, 1);
	}
	(void)buf_text(&out);
	return (char *)out.bytes;
}

static void feed(struct fixture *f, const char *text, size_t step)
{
	AUTO_FREE char *all = with_dir(f, text);
	const size_t n = strlen(all);

	for (size_t at = 0; at < n; at += step)
		typed_feed(&f->typed, all + at, n - at < step ? n - at : step);
}

static void check(const struct fixture *f, const struct buf *got, const char *text)
{
	AUTO_FREE char *all = with_dir(f, text);

	if (buf_len(got) != strlen(all) || memcmp(buf_data(got), all, strlen(all)) != 0)
		fail_msg("got %.*s, expected %s", (int)buf_len(got), (const char *)buf_data(got),
			 all);
}

#define P "\033[200~"
#define Q "\033[201~"

static void test_untouched(void **state)
{
	/* clang-format off */
	static const char *const cases[] = {
		"", "hello\r", P Q, P "a text\nof lines" Q, P "/no/such/file.png" Q "x",
		P "@/key.png" Q, P "@/pipe.png" Q, P "@/null.png" Q, P "@/bitmap.png" Q,
		P "@/empty.png" Q, P "@" Q, P "/dev/tty" Q, P "look: @/a.png" Q,
		P "@/a.png is it" Q, "@/a.png\r", "\033]0;" P "@/a.png" Q "\033\\", P "'@/a.png" Q,
		P "file://@/a%2fpng" Q, "\033[200~\033[200~@/a.png" Q,
	};
	/* clang-format on */
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 100; step += 13) {
			feed(f, cases[i], step);
			assert_false(typed_is_waiting(&f->typed));
			assert_int_equal(typed_kept(&f->typed), 0);
			check(f, &f->passed, cases[i]);
			check(f, &f->asked, "");
			assert_int_equal(buf_len(&f->image), 0);
			buf_drop(&f->passed, buf_len(&f->passed));
			if (i == 15) /* out of the string again */
				f->typed.hold.typed = (struct clip_typed){0};
		}
}

static const struct {
	const char *typed, *asked, *passed;
} images[] = {
	{P "@/a.png" Q, "@/a.png\n", P "/g/1.png" Q},
	{"x" P "@/a.png \n" Q "y\r", "@/a.png\n", "x" P "/g/1.png \n" Q "y\r"},
	{P "'@/my b.png'" Q, "@/my b.png\n", P "/g/1.png" Q},
	{P "@/my b.png" Q, "@/my b.png\n", P "/g/1.png" Q},
	{P "@/my\\ b.png " Q, "@/my b.png\n", P "/g/1.png " Q},
	{P "file://@/my%20b.png\r\n" Q, "@/my b.png\n", P "/g/1.png\r\n" Q},
	{P "@/a.png @/key.png '@/my b.png'" Q, "@/a.png\n@/my b.png\n",
	 P "/g/1.png @/key.png /g/1.png" Q},
	{P "@/a.png" Q P "@/a.png" Q "z", "@/a.png\n@/a.png\n", P "/g/1.png" Q P "/g/1.png" Q "z"},
};

static void test_images(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		for (size_t step = 1; step < 200; step += 33) {
			size_t placed = 0;

			feed(f, images[i].typed, step);
			/* claude would not wait for the end of a paste that has begun. */
			if (step > 100)
				assert_null(memchr(buf_data(&f->passed), 033, buf_len(&f->passed)));
			while (typed_is_waiting(&f->typed)) {
				placed++;
				typed_on_placed(&f->typed, "/g/1.png", 8);
			}
			check(f, &f->asked, images[i].asked);
			check(f, &f->passed, images[i].passed);
			assert_int_equal(buf_len(&f->image), placed * (sizeof(png) - 1));
			assert_memory_equal(buf_data(&f->image), png, sizeof(png) - 1);
			buf_drop(&f->passed, buf_len(&f->passed));
			buf_drop(&f->asked, buf_len(&f->asked));
			buf_drop(&f->image, buf_len(&f->image));
		}
}

/* What the session does not take stays as it was; what is typed meanwhile comes behind it. */
static void test_refused(void **state)
{
	struct fixture *f = *state;

	feed(f, P "'@/a.png' " Q, 1000);
	feed(f, "typed", 1);
	assert_true(typed_is_waiting(&f->typed));
	check(f, &f->passed, "");
	typed_on_placed(&f->typed, "", 0);
	check(f, &f->passed, P "'@/a.png' " Q "typed");
	typed_on_placed(&f->typed, "/unasked", 8);
	check(f, &f->passed, P "'@/a.png' " Q "typed");
}

static void test_end_never_comes(void **state)
{
	struct fixture *f = *state;

	feed(f, P "@/a.png", 3);
	assert_int_equal(typed_patience_ms(&f->typed), CLIP_HOLD_MS);
	check(f, &f->passed, P);
	typed_give_up(&f->typed);
	assert_int_equal(typed_patience_ms(&f->typed), -1);
	feed(f, "/more" Q "@/a.png", 3);
	check(f, &f->passed, P "@/a.png/more" Q "@/a.png");
	check(f, &f->asked, "");
}

/* A paste beyond the bound is a text, and passes before its end is there. */
static void test_long(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = mem_alloc(CLIP_PASTE_MAX + 100);

	memset(path, 'x', CLIP_PASTE_MAX + 99);
	path[0] = '/';
	feed(f, P, 10);
	feed(f, path, 1000);
	assert_int_equal(typed_kept(&f->typed), 0);
	assert_int_equal(buf_len(&f->passed), strlen(P) + CLIP_PASTE_MAX + 99);
	feed(f, Q, 10);
	assert_int_equal(buf_len(&f->passed), strlen(P) + CLIP_PASTE_MAX + 99 + strlen(Q));
}

/* An image that waits in a pipe is not even read. */
static void test_pipe(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = mem_format("%s/pipe.png", f->dir);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char back[sizeof(png)];

	assert_int_equal(write(fd, png, sizeof(png) - 1), sizeof(png) - 1);
	feed(f, P "@/pipe.png" Q, 1000);
	check(f, &f->passed, P "@/pipe.png" Q);
	check(f, &f->asked, "");
	assert_int_equal(read(fd, back, sizeof(back)), sizeof(png) - 1);
}

/* Of a file that is too large no more is sent than shows it. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = mem_format("%s/large.png", f->dir);

	put(f, "large.png", png, sizeof(png) - 1);
	assert_int_equal(truncate(path, (off_t)1 << 33), 0);
	feed(f, P "@/large.png" Q, 1000);
	assert_int_equal(buf_len(&f->image), CLIP_IMAGE_MAX + 1);
	typed_on_placed(&f->typed, "", 0);
	check(f, &f->passed, P "@/large.png" Q);
}

#define K(text) "\033]5522;" text "\033\\"
static const char ask_list[] = {CLIP_NO_TYPE}, ask_png[] = {CLIP_PNG}, ask_tiff[] = {CLIP_TIFF};

static void end_case(struct fixture *f)
{
	buf_drop(&f->shown, buf_len(&f->shown));
	buf_drop(&f->clip, buf_len(&f->clip));
	buf_drop(&f->done, buf_len(&f->done));
}

/* A terminal that hands over its clipboard; keys that are typed meanwhile pass, its answers do not. */
static void test_terminal(void **state)
{
	struct fixture *f = *state;

	setenv("TERM", "xterm-kitty", 1);
	typed_on_ask(&f->typed, ask_list, 1);
	check(f, &f->shown, K("type=read;Lg=="));
	feed(f,
	     "a" K("type=read:status=OK") "b" K(
		     "type=read:status=DATA:mime=Lg==;aW1hZ2UvcG5nIHRleHQvcGxhaW4=")
		     K("type=read:status=DONE") "c",
	     3);
	check(f, &f->passed, "abc");
	check(f, &f->clip, "image/png\n");
	check(f, &f->done, "{\"ok\":true,\"reason\":\"\"}");
	end_case(f);
	typed_on_ask(&f->typed, ask_png, 1);
	check(f, &f->shown, K("type=read;aW1hZ2UvcG5n"));
	feed(f,
	     K("type=read:status=OK") K("type=read:status=DATA:mime=aW1hZ2UvcG5n;aGVsbG8=")
		     K("type=read:status=DONE"),
	     7);
	check(f, &f->clip, "hello");
	end_case(f);
	typed_on_ask(&f->typed, ask_png, 1);
	feed(f, K("type=read:status=EPERM"), 100);
	check(f, &f->clip, "");
	check(f, &f->done,
	      "{\"ok\":false,\"reason\":\"the terminal did not allow its clipboard to be read\"}");
	check(f, &f->passed, "abc");
}

/* One that knows nothing of it is asked once; ESC stays a key; an answer that comes late is no
 * input. */
static void test_other_terminal(void **state)
{
	struct fixture *f = *state;

	setenv("TERM", "xterm", 1);
	typed_on_ask(&f->typed, ask_tiff, 1);
	check(f, &f->shown, "");
	end_case(f);
	typed_on_ask(&f->typed, ask_list, 1);
	feed(f, "x\033", 1);
	check(f, &f->passed, "x");
	assert_true(typed_patience_ms(&f->typed) < 100);
	typed_give_up(&f->typed);
	check(f, &f->passed, "x\033");
	assert_true(typed_patience_ms(&f->typed) < 3000);
	typed_give_up(&f->typed);
	assert_int_equal(typed_patience_ms(&f->typed), -1);
	assert_non_null(strstr(buf_text(&f->done), "\"ok\":false"));
	feed(f, "y" K("type=read:status=OK") K("type=read:status=DONE"), 2);
	check(f, &f->passed, "x\033y");
	end_case(f);
	typed_on_ask(&f->typed, ask_list, 1);
	check(f, &f->shown, "");
	assert_non_null(strstr(buf_text(&f->done), "\"ok\":false"));
	end_case(f);
	f->typed.termclip.mute = false;
	setenv("TERM", "linux", 1);
	typed_on_ask(&f->typed, ask_list, 1);
	check(f, &f->shown, "");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {CASE(test_untouched),     CASE(test_images),
					   CASE(test_refused),	     CASE(test_end_never_comes),
					   CASE(test_long),	     CASE(test_large),
					   CASE(test_pipe),	     CASE(test_terminal),
					   CASE(test_other_terminal)};

	return cmocka_run_group_tests_name("typed", tests, NULL, NULL);
}

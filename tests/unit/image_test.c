/* areas: base
 * files: src/vm/image.c
 * Images on disk: which one is found, and each way one can be broken. */
#include "unit/unit.h"

#include "vm/image.h"

#include <limits.h>
#include <sys/stat.h>

#define GOOD                                                                                       \
	"{\"id\":\"abc\",\"kernel_version\":\"6.1\",\"claude_version\":\"1.2.3\",\"unknown\":[1]," \
	"\"built_in\":{\"agent_sudo\":true,\"nix\":false},\"extra_packages\":[\"a\"],"             \
	"\"created\":\"2026-01-02T03:04:05Z\",\"options\":{\"memory\":9,\"nix.enable\":true},"     \
	"\"files\":{\"vmlinuz\":{\"size\":1},\"modules.cpio\":{\"size\":2},\"root.squashfs\":{"    \
	"\"size\":3}}}"
#define FILES(kernel, modules, root)                                                               \
	"{\"files\":{\"vmlinuz\":" kernel ",\"modules.cpio\":" modules ",\"root.squashfs\":" root  \
	"}}"

static const struct {
	const char *name, *manifest; /* NULL: no manifest */
	const char *missing;	     /* a file that is not made, or NULL */
	const char *link;	     /* in its place, a link to here */
	const char *error;	     /* part of the text; NULL: opens */
} cases[] = {
	{"good", GOOD, NULL, NULL, NULL},
	{"bare", FILES("{\"size\":1}", "{\"size\":2}", "{\"size\":3}"), NULL, NULL, NULL},
	{"linked", GOOD, "vmlinuz", "../good/vmlinuz", NULL}, /* as in a Nix store */
	{"dangling", GOOD, "vmlinuz", "../nowhere", "/vmlinuz: No such file"},
	{"link-to-directory", GOOD, "root.squashfs", "../good",
	 "root.squashfs is not a readable file"},
	{"link-to-device", GOOD, "modules.cpio", "/dev/null",
	 "modules.cpio is not a readable file"},
	{"no-manifest", NULL, NULL, NULL, "manifest.json: No such file"},
	{"no-kernel", GOOD, "vmlinuz", NULL, "/vmlinuz: No such file"},
	{"no-modules", GOOD, "modules.cpio", NULL, "/modules.cpio: No such file"},
	{"no-root", GOOD, "root.squashfs", NULL, "/root.squashfs: No such file"},
	{"cut-off", FILES("{\"size\":1}", "{\"size\":2}", "{\"size\":4}"), NULL, NULL,
	 "root.squashfs has 3 bytes, the manifest says 4"},
	{"too-long", FILES("{\"size\":0}", "{\"size\":2}", "{\"size\":3}"), NULL, NULL,
	 "vmlinuz has 1 bytes, the manifest says 0"},
	{"odd-size", FILES("{\"size\":1}", "{\"size\":\"2\"}", "{\"size\":3}"), NULL, NULL,
	 "the manifest does not list modules.cpio"},
	{"not-listed", FILES("{\"size\":1}", "7", "{\"size\":3}"), NULL, NULL,
	 "the manifest does not list modules.cpio"},
	{"nothing-listed", "{}", NULL, NULL, "the manifest does not list vmlinuz"},
	{"not-an-object", "[]", NULL, NULL, "the manifest does not list vmlinuz"},
	{"bad-json", "{\"files\":", NULL, NULL, "manifest.json is not valid JSON"},
	{"empty-manifest", "", NULL, NULL, "manifest.json is not valid JSON"},
};

static void make_image(size_t i, const char *dir)
{
	static const char *const files[] = {IMAGE_KERNEL, IMAGE_MODULES, IMAGE_ROOT};
	AUTO_FREE char *manifest = mem_format("%s/%s", dir, IMAGE_MANIFEST);

	assert_int_equal(mkdir(dir, 0700), 0);
	if (cases[i].manifest)
		unit_write(manifest, cases[i].manifest, strlen(cases[i].manifest));
	for (size_t k = 0; k < ARRAY_LEN(files); k++) {
		AUTO_FREE char *path = mem_format("%s/%s", dir, files[k]);

		if (!cases[i].missing || strcmp(cases[i].missing, files[k]) != 0)
			unit_write(path, "xxx", k + 1);
		else if (cases[i].link)
			assert_int_equal(symlink(cases[i].link, path), 0);
	}
}

static void test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *dir = unit_path(cases[i].name);
		struct image img;
		struct err e = {0};
		int rc;

		make_image(i, dir);
		rc = image_open(&img, dir, &e);
		if (cases[i].error ? rc == 0 || !strstr(e.text, cases[i].error) : rc < 0)
			fail_msg("%s: got %d (%s), wanted %s", cases[i].name, rc, e.text,
				 cases[i].error ? cases[i].error : "none");
		if (rc < 0) {
			assert_int_equal(e.exit_code, ERR_EXIT_GUEST);
			assert_non_null(strstr(e.remedy, "ccvmctl image build"));
			assert_null(img.path);
		} else {
			assert_string_equal(img.path, dir);
			assert_int_equal(img.root_size, 3);
		}
		image_fini(&img);
	}
}

static void test_content(void **state)
{
	AUTO_FREE char *good = unit_path("good");
	AUTO_FREE char *bare = unit_path("bare");
	struct image img;
	struct err e;

	(void)state;
	assert_int_equal(image_open(&img, good, &e), 0);
	assert_string_equal(img.id, "abc");
	assert_string_equal(img.kernel_version, "6.1");
	assert_string_equal(img.claude_version, "1.2.3");
	assert_true(img.agent_sudo);
	assert_false(img.nix);
	assert_false(img.clipboard);
	assert_string_equal(img.created, "2026-01-02T03:04:05Z");
	assert_string_equal(
		img.options,
		"{\"memory\":9,\"nix.enable\":true,\"agentSudo\":true,\"nix.enable\":false,"
		"\"extraPackages\":[\"a\"]}"); /* facts last, so that they count */
	image_fini(&img);
	assert_int_equal(image_open(&img, bare, &e), 0);
	assert_string_equal(img.id, "");
	assert_string_equal(img.created, "");
	assert_string_equal(img.options, "{}");
	assert_false(img.agent_sudo);
	image_fini(&img);
}

/* ---- which one ---- */

static const struct {
	const char *forced;  /* CCVM_IMAGE; @ stands for the folder */
	const char *current; /* what `current` of the cache links to, in the folder */
	const char *share;
	const char *found; /* in the folder; NULL: none */
	const char *error;
} find_cases[] = {
	{"@/good", "linked", "@/share", "good", NULL},
	{"@/by-link", NULL, NULL, "good",
	 NULL}, /* the real path: a build may move the link meanwhile */
	{"@/nowhere", "linked", "@/share", NULL, "CCVM_IMAGE names"},
	{NULL, "linked", "@/share", "linked", NULL},
	{NULL, "nowhere", "@/share", "share/image-default", NULL},
	{NULL, "no-manifest", "@/share", "share/image-default", NULL},
	{NULL, NULL, "@/share", "share/image-default", NULL},
	{NULL, NULL, "@/nowhere", NULL, "no guest image in"},
	{NULL, NULL, NULL, NULL, "no guest image in"},
};

/* The path with @ replaced; free it. NULL stays NULL. */
static char *in_folder(const char *path)
{
	return !path		? NULL
	       : path[0] == '@' ? mem_format("%s%s", unit_dir, path + 1)
				: mem_strdup(path);
}

static void expect_found(size_t i)
{
	AUTO_FREE char *forced = in_folder(find_cases[i].forced);
	AUTO_FREE char *share = in_folder(find_cases[i].share);
	AUTO_FREE char *cache = unit_path("cache/ccvm");
	AUTO_FREE char *current = unit_path("cache/ccvm/images/current");
	AUTO_FREE char *target = find_cases[i].current ? unit_path(find_cases[i].current) : NULL;
	AUTO_FREE char *wanted = find_cases[i].found ? unit_path(find_cases[i].found)
						     : mem_strdup("nothing");
	AUTO_FREE char *got = NULL;
	struct err e = {0};

	unlink(current);
	if (target)
		assert_int_equal(symlink(target, current), 0);
	got = image_find(&(struct hostenv){.cache = cache, .image = forced}, share, &e);
	if (strcmp(got ? got : "nothing", wanted) != 0)
		fail_msg("case %zu: got %s (%s), wanted %s", i, got ? got : "nothing", e.text,
			 wanted);
	if (find_cases[i].error &&
	    (!strstr(e.text, find_cases[i].error) || !e.remedy[0] || e.exit_code != ERR_EXIT_GUEST))
		fail_msg("case %zu: says %s (%s), exit code %d; wanted %s", i, e.text, e.remedy,
			 e.exit_code, find_cases[i].error);
}

static void test_find(void **state)
{
	AUTO_FREE char *images = unit_path("cache/ccvm/images");
	AUTO_FREE char *share = unit_path("share");
	AUTO_FREE char *by_default = unit_path("share/image-default");
	AUTO_FREE char *good = unit_path("good");
	AUTO_FREE char *link = unit_path("by-link");
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs(images, 0700, &e) | mkdir(share, 0700) | symlink(good, link),
			 0);
	make_image(0, by_default);
	for (size_t i = 0; i < ARRAY_LEN(find_cases); i++)
		expect_found(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}

/* Saved guests: `ccvmctl image warm` makes the one for the present options, `image info` lists all. */
#include "ctl/ctl.h"
#include "ctl/ctl_template.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "client/launch.h"
#include "conf/conf.h"
#include "vm/template.h"
#include "conf/env.h"
#include "proto/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const char *template_accel_name(const struct conf *c)
{
	static const char *const names[] = {
		[CONF_ACCEL_AUTO] = "auto", [CONF_ACCEL_KVM] = "kvm", [CONF_ACCEL_TCG] = "tcg"};

	return names[c->acceleration];
}

static void template_follow(FILE *steps, bool json)
{
	char line[256];

	while (fgets(line, sizeof(line), steps)) {
		enum maker_result result;

		line[strcspn(line, "\n")] = '\0';
		result = maker_result(line);
		if (!json)
			log_note("%s", result < MAKER_RESULTS ? maker_rows[result].help : line);
		else if (result < MAKER_RESULTS)
			printf("{\"result\":\"%s\"}\n", maker_rows[result].line);
	}
}

static int template_run_maker(const struct conf *c, bool json, struct err *e)
{
	AUTO_FREE char *libexec = launch_libexec();
	AUTO_FREE char *program = mem_format("%s/ccvm-template", libexec);
	AUTO_FREE char *memory = mem_format("%ld", c->memory);
	AUTO_FREE char *cores = mem_format("%ld", c->cores);
	AUTO_FREE char *space = mem_format("%ld", c->template_cache_size);
	char *const accel = (char *)(uintptr_t)template_accel_name(c);
	char *const plain[] = {program, accel, memory, cores, space, NULL};
	char *const with_pool[] = {
		program, (char *)(uintptr_t) "--pool", accel, memory, cores, space, NULL};
	char *const *argv = c->vm_disk_size > 0 ? with_pool : plain;
	char *const no_env[] = {NULL};
	AUTO_CLOSE int write_end = -1, host = hostenv_to_fd(env_host(), e);
	int pair[2], status;
	FILE *steps;
	pid_t pid;

	if (host < 0)
		return -1;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	write_end = pair[1];
	steps = fdopen(pair[0], "r");
	pid = spawn_start(
		&(struct spawn){
			.path = program,
			.argv = argv,
			.envp = no_env,
			.fds = (struct spawn_fd[]){{host, 0}, {write_end, 1}, {STDERR_FILENO, 2}},
			.nfds = 3,
			.die_with_parent = true},
		NULL, e);
	close(mem_steal_fd(&write_end));
	if (pid > 0)
		template_follow(steps, json);
	fclose(steps);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (spawn_exit_code(status) == 0)
		return 0;
	err_set(e, "the saved guest was not made (see above)");
	return err_remedy(e,
			  "sessions still start, but slower; ccvmctl doctor checks this computer");
}

int template_warm(const struct ctl_args *a, struct err *e)
{
	struct conf c;
	int rc;

	if (ctl_load_conf(&c, e) < 0)
		return -1;
	rc = template_run_maker(&c, ctl_has(a, "json"), e);
	conf_fini(&c);
	return rc;
}

static void template_print_one(const struct template_info *t)
{
	printf("    %.8s  %6lld MiB, %lld cores, QEMU %-8s %5lld MB, last used %lld min ago\n",
	       t->key, (long long)t->memory_mib, (long long)t->cores, t->qemu_version,
	       (long long)(t->bytes / 1000000), (long long)((time(NULL) - t->used_at) / 60));
}

void template_print(void)
{
	size_t n;
	AUTO_FREE struct template_info *all = template_list(env_host(), &n);
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += all[i].bytes;
	printf("  saved guests: %zu, %lld MB\n", n, (long long)(sum / 1000000));
	for (size_t i = 0; i < n; i++)
		template_print_one(&all[i]);
}

void template_add_json(struct buf *line)
{
	AUTO_BUF struct buf list = {0};
	size_t n;
	AUTO_FREE struct template_info *all = template_list(env_host(), &n);

	buf_add(&list, "[", 1);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf one = {0};

		json_begin(&one);
		json_add_string(&one, "key", all[i].key);
		json_add_string(&one, "image", all[i].image);
		json_add_string(&one, "qemu", all[i].qemu_version);
		json_add_int(&one, "memory_mib", all[i].memory_mib);
		json_add_int(&one, "cores", all[i].cores);
		json_add_int(&one, "bytes", all[i].bytes);
		json_add_int(&one, "made_at", all[i].made_at);
		json_add_int(&one, "used_at", all[i].used_at);
		json_end(&one);
		buf_addf(&list, "%s%s", i ? "," : "", buf_text(&one));
	}
	buf_add(&list, "]", 1);
	json_add_raw(line, "templates", buf_text(&list));
}

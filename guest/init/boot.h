/* boot: the state that ccvm-init's stages share, and the stages themselves, one file an area. */
#ifndef CCVM_GUEST_BOOT_H
#define CCVM_GUEST_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "init/fsrelay.h"

#define BOOT_SEED_DIR	     NAME_GUEST_DIR "/seed" /* for root alone */
#define BOOT_SEED_SHARE	     BOOT_SEED_DIR "/share" /* the host's directory */
#define BOOT_SEED_FILES	     BOOT_SEED_DIR "/files" /* its files, as they came in the pack */
#define BOOT_SEED_FILE(name) BOOT_SEED_FILES "/" name
#define BOOT_PATH_MAX	     4096

struct boot {
	int ctl_fd;			/* ccvm.ctl, -1 until the port was found */
	pid_t relay[FSRELAY_PROCESSES]; /* of the host's files; 0 until they are mounted */

	uid_t uid; /* the agent's, after the remap */
	gid_t gid;
	char workdir[BOOT_PATH_MAX];
	bool workdir_mounted;
	char *projects;		  /* where the host's transcripts are mounted; NULL: nowhere */
	struct strv extra;	  /* lines of NAME_SEED_EXTRA that are mounted */
	struct strv private_dirs; /* relative to workdir */
	bool private_mounted;
	int workdir_fd;	  /* the workspace, open since it was mounted; -1: not yet */
	pid_t sshd;	  /* 0 until started */
	int sshd_socket;  /* its connection, which nothing carries to the host yet; else -1 */
	int sshd_config;  /* its configuration, before it is written; else -1 */
	int sshd_gate;	  /* while this is open sshd cannot open its configuration; else -1 */
	int ahead;	  /* takes the order of what is to run ahead; else -1 */
	int report_begin; /* ccvm-report waits for the end of this; else -1 */
	/* listens for the Nix daemon's clients; -1: the image has no Nix, or it failed */
	int nix_fd;
	pid_t nix_daemon; /* 0: does not run */
	bool pool_wanted; /* the seed asks for an encrypted disk */
	bool pool_first;  /* the workspace must find it mounted */
	int launch_lock;  /* ccvm-launch waits until nobody has it open any more */
	pid_t lane;	  /* of the stages beside the boot; 0: there is none, or it is done */
};

/* rootfs.c */
int rootfs_mount_early(struct boot *b, struct err *e); /* proc, sys, dev, run in the initramfs */
int rootfs_switch(struct boot *b, struct err *e);      /* squashfs + tmpfs overlay becomes / */
/* Finds a disk by the serial the host gave it: the order of virtio devices is not part of the
 * contract. */
int rootfs_find_disk(const char *serial, char *path, size_t size, struct err *e);
/* files.c */
int files_mount(struct boot *b, struct err *e);
/* What the host exports as name; flags: MS_RDONLY, MS_NOEXEC, beside nosuid and nodev. */
int files_bind(const char *name, const char *target, unsigned long flags, struct err *e);
/* Nothing is bound any more; what was stays. */
int files_hide_root(struct err *e);
/* harden.c */
int harden_kernel(struct boot *b, struct err *e); /* settings that hold for every guest */
/* module.c */
int module_load_all(struct boot *b, struct err *e); /* /modules/order of the initramfs */
/* port.c */
int port_open_ctl(struct boot *b, struct err *e);
/* Waits until the port exists and returns an open fd, close-on-exec. */
int port_open(const char *name, int flags, struct err *e);
/* firstuse.c */
void firstuse_connect(void);	      /* as the network is now */
int firstuse_rehearse(struct err *e); /* with connections being followed */
/* cpus.c */
/* The processors that the kernel did not start, where there are some. */
int cpus_start_early(struct boot *b, struct err *e); /* where a template is to be saved */
int cpus_start(struct boot *b, struct err *e);	     /* once the firewall stands */
/* warmup.c */
/* the command line asks for it: a template is to be saved */
bool warmup_is_wanted(void);
int warmup_run(struct boot *b, struct err *e); /* where it is wanted */
/* ahead.c */
int ahead_start(struct boot *b, struct err *e); /* it waits, in a template */
/* behind the firewall, while the seed is there */
int ahead_go(struct boot *b, struct err *e);
/* seed.c */
int seed_mount(struct boot *b, struct err *e); /* and unpacks its files */
/* credit and reseed, before any key is used */
int seed_entropy(struct boot *b, struct err *e);
int seed_clock(struct boot *b, struct err *e);
/* since 1970; leaves small differences alone */
int seed_set_clock(int64_t ns, struct err *e);
/* and the kernel's boot id: new ones in each clone */
int seed_machine_id(struct boot *b, struct err *e);
/* uid and gid of the agent become the host user's */
int seed_identity(struct boot *b, struct err *e);
int seed_sudo(struct boot *b, struct err *e);
/* a file of it; to must not exist */
int seed_copy(const char *from, const char *to, mode_t mode, struct err *e);
int seed_unmount(struct boot *b, struct err *e); /* once everybody has read it */
/* netif.c */
/* hostname, loopback, static address, resolver */
int netif_configure(struct boot *b, struct err *e);
/* firewall.c */
int firewall_install(struct boot *b, struct err *e); /* where the seed asks for one */
void firewall_load_modules(void);
/* Follows connections while meanwhile() runs, lets everything pass, and leaves nothing behind but
 * the modules. */
int firewall_rehearse(void (*meanwhile)(void), struct err *e);
/* pool.c */
int pool_look(struct boot *b, struct err *e);	/* what the seed says of it */
int pool_set_up(struct boot *b, struct err *e); /* reads nothing of the seed */
bool pool_is_mounted(void);
/* makes one on the disk that is there, and undoes it */
int pool_rehearse(struct err *e);
/* what the host's file may become; -1: not told */
void pool_set_limit(int64_t kib);
/* the one that was set last, once there is a pool */
void pool_apply_limit(void);
/* nix.c: all do nothing where the image has no Nix */
/* what of the seed the daemon needs to know */
int nix_write_trust(struct boot *b, struct err *e);
int nix_mount_store(struct boot *b, struct err *e); /* after the pool */
int nix_listen(struct boot *b, struct err *e);	    /* b->nix_fd */
/* b->nix_daemon, once somebody is at b->nix_fd */
int nix_start_daemon(struct boot *b, struct err *e);
void nix_on_daemon_end(struct boot *b);
/* workspace.c */
int workspace_mount(struct boot *b, struct err *e);
int workspace_mount_projects(struct boot *b, struct err *e);
int workspace_mount_extra(struct boot *b, struct err *e);
int workspace_home(struct boot *b, struct err *e);
int workspace_unmount(struct boot *b, struct err *e); /* -1: something the agent wrote is lost */
/* private.c */
int private_look(struct boot *b, struct err *e);      /* what the seed says of it */
int private_mount_now(struct boot *b, struct err *e); /* where no disk is waited for */
int private_mount(struct boot *b, struct err *e);     /* reads nothing of the seed; once */
void private_unmount(struct boot *b);
/* sshd.c */
/* before the park point, as far as its configuration */
int sshd_start_early(struct boot *b, struct err *e);
/* with this run's keys, after seed_identity */
int sshd_go_on(struct boot *b, struct err *e);
/* with the host; the agent's user is known. Ends with either of its ends */
int sshd_connect(struct boot *b, struct err *e);
/* agent.c */
/* of the image bridge; 0: this session has none */
int agent_clip_port(int64_t *port, struct err *e);
int agent_prepare_launch(struct boot *b, struct err *e); /* what ccvm-launch may read */
int agent_write_hooks(struct boot *b, struct err *e);	 /* so that claude reports what it does */
int agent_start_report(struct boot *b, struct err *e);	 /* it waits, */
int agent_begin_report(struct boot *b, struct err *e);	 /* and goes on */
/* An image whose path the user pasted is fetched (proto/clip.h), as the agent; it reports the
 * result to the host. */
void agent_fetch_paste(const struct boot *b, const char *token, const char *suffix);

#endif

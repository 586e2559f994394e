/* names: the names of what host and guest share. This header is the interface between them; it is
 * included by both and holds nothing but names and sizes. */
#ifndef CCVM_PROTO_NAMES_H
#define CCVM_PROTO_NAMES_H

/* what ccvm-fs exports, by the names that they have in the root of its file system */
#define NAME_EXPORT_SEED      "seed"
#define NAME_EXPORT_WORKSPACE "workspace"
#define NAME_EXPORT_PROJECTS  "projects"
#define NAME_EXPORT_EXTRA     "extra" /* and a number from 0 on */

/* virtio-serial port names; the guest finds them under /sys/class/virtio-ports */
#define NAME_PORT_CTL	  "ccvm.ctl"
#define NAME_PORT_SSH	  "ccvm.ssh"
#define NAME_PORT_FS	  "ccvm.fs" /* FUSE messages (linux/fuse.h), and two more notices: */
#define NAME_FS_ALL_STALE 1000	    /* nothing that the guest has cached may be believed */
#define NAME_FS_TOUCH	  1001	    /* the host changed something (proto/fstouch.h) */

/* block devices, by virtio serial (at most 20 bytes) */
#define NAME_DISK_ROOT	  "ccvm-root"
#define NAME_DISK_SCRATCH "ccvm-scratch"
#define NAME_POOL_MAPPING "ccvm-scratch"   /* in /dev/mapper */
#define NAME_POOL_DIR	  "/run/ccvm/pool" /* where its file system is, for root alone */

#define NAME_STAGE_SSHD "sshd" /* the stage of ccvm-init behind which sshd waits for its client */

/* files of the seed directory; proto/seedfile.c says what each holds */
#define NAME_SEED_AUTHORIZED_KEYS "authorized_keys"
/* Keys on NIST's curve, for which OpenSSL has fast code: OpenSSH's own code for ed25519 costs an
 * emulated guest 50 ms a start. */
#define NAME_SSH_KEY_ALGORITHM	 "ecdsa-sha2-nistp256"
#define NAME_SSH_KEX		 "curve25519-sha256"
#define NAME_SEED_HOST_KEY	 "ssh_host_key"
#define NAME_SEED_HOST_KEY_PUB	 "ssh_host_key.pub"
#define NAME_SEED_ENTROPY	 "entropy"	 /* 64 bytes */
#define NAME_SEED_CLOCK		 "clock"	 /* decimal, ns since the epoch */
#define NAME_SEED_WORKDIR	 "workdir"	 /* path, no newline */
#define NAME_SEED_SHELL		 "shell"	 /* 0 or 1 */
#define NAME_SEED_HOST_UID	 "host-uid"	 /* decimal */
#define NAME_SEED_HOST_GID	 "host-gid"	 /* decimal */
#define NAME_SEED_CLAUDE_ARGS	 "claude-args"	 /* each argument ended by NUL */
#define NAME_SEED_ACCEPT_ENV	 "accept-env"	 /* variable names sshd accepts, one a line */
#define NAME_SEED_CLAUDE_CONFIG	 "claude-config" /* directory */
#define NAME_SEED_CLAUDE_JSON	 "claude-json"
#define NAME_SEED_GITCONFIG	 "gitconfig"
#define NAME_SEED_GITIGNORE	 "gitignore"
#define NAME_SEED_CLAUDE_MD	 "claude-md"
#define NAME_SEED_PROJECTS	 "persist-claude-projects"
#define NAME_SEED_EXTRA		 "extra-dirs"
#define NAME_SEED_PRIVATE	 "private-dirs"
#define NAME_SEED_DISK		 "vm-disk"
#define NAME_SEED_AGENT_SUDO	 "agent-sudo"
#define NAME_SEED_EGRESS_ENFORCE "egress-enforce"
#define NAME_SEED_EGRESS_ALLOW	 "egress-allow"
#define NAME_SEED_EGRESS_PORTS	 "egress-ports"
#define NAME_SEED_CLIPBOARD	 "clipboard"
#define NAME_SEED_PACK		 "pack" /* all files of the above, as base/pack.h has them */

#define NAME_EXTRA_MAX	       8  /* lines of extra-dirs */
#define NAME_PRIVATE_MAX       32 /* and of private-dirs */
#define NAME_SEED_ENTROPY_SIZE 64
#define NAME_SEED_PACK_MAX     ((size_t)128 << 20) /* bytes; a few kilobytes are usual */

/* the guest's fixed addresses (libslirp's usual network) */
#define NAME_GUEST_ADDRESS  "10.0.2.15"
#define NAME_GUEST_GATEWAY  "10.0.2.2"
#define NAME_GUEST_RESOLVER "10.0.2.3"
#define NAME_GUEST_PREFIX   24
/* The addresses that names get while egress is locked (ccvm-net's net_names). */
#define NAME_GUEST_SYNTHETIC "198.18.0.0/15"
/* NFLOG group of what the guest's own firewall refused. */
#define NAME_GUEST_LOG_GROUP 9
/* Frames never leave this machine: ccvm-net ends every connection itself, so fewer, larger ones
 * cost less. */
#define NAME_GUEST_MTU 16000

/* On the kernel command line: run the programs that every session runs, so that they are in memory
 * when a template is saved. */
#define NAME_KERNEL_WARM_UP "ccvm.warm-up"

/* the agent in the guest */
#define NAME_AGENT_USER "ccvm"
#define NAME_AGENT_HOME "/home/ccvm"
#define NAME_SCRATCH	"/scratch"  /* of the agent, on the disk where there is one */
#define NAME_GUEST_DIR	"/run/ccvm" /* root-owned, on tmpfs */
#define NAME_LAUNCH	NAME_GUEST_DIR "/bin/ccvm-launch"
/* The stand-ins for clipboard tools, by the names of those; before everything else on the agent's
 * PATH. */
#define NAME_CLIP_DIR	      NAME_GUEST_DIR "/clip"
#define NAME_CLIP	      NAME_GUEST_DIR "/bin/ccvm-clip"
#define NAME_CLAUDE	      "/usr/local/bin/claude"
#define NAME_SHELL	      "/bin/zsh"
#define NAME_NIX_BUILDERS_GID 30000 /* of the image's group nixbld */

/* Where ccvm-hook NAME reports claude's hooks to ccvm-report; the same names go to the host. */
#define NAME_HOOK	 NAME_GUEST_DIR "/bin/ccvm-hook"
#define NAME_HOOK_SOCKET NAME_GUEST_DIR "/hook"
#define NAME_HOOKS	 "start", "prompt", "permission", "stop", "failure", "end"

/* what the agent's ccvm-launch reads: copies the unprivileged user may see */
#define NAME_LAUNCH_DIR NAME_GUEST_DIR "/launch"
/* locked (flock) while something is still being made that the agent must find; may be missing */
#define NAME_LAUNCH_LOCK NAME_GUEST_DIR "/launch.lock"

#endif

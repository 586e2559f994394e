#!/bin/bash
# systemd_root.sh IMAGE OUT: the yardstick's root file system. The tree of a guest image, with what a Debian that boots by
# systemd has beside it, and SSH for the agent's user. Root only: apt runs in a chroot. Nothing is left of a build that fails.
#
# What it leaves out makes systemd faster, not slower: no cron, no journal on a disk, an address that needs no DHCP, host keys
# and a machine id that are there already, bash and not ccvm-launch as the agent's login shell.
set -euo pipefail
export LC_ALL=C
umask 022

image=$1 out=$2
work=$(mktemp -d -- "$out.XXXXXX")
trap 'rm -rf --one-file-system -- "$work"' EXIT
tree=$work/tree

# in_tree COMMAND...: with a /proc that cannot be written, since packages' scripts would set this machine's sysctls.
in_tree() {
    # shellcheck disable=SC2016  # the inner shell expands it
    unshare --mount --pid --fork bash -c 'mount -t proc -o ro proc "$0/proc" && exec chroot "$0" /usr/bin/env -i \
        PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' "$tree" "$@"
}

unsquashfs -q -n -d "$tree" "$image/root.squashfs" >/dev/null
cp -- /etc/resolv.conf "$tree/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
in_tree apt-get -q update
in_tree apt-get -qy install --no-install-recommends systemd systemd-sysv udev dbus libpam-systemd
in_tree apt-get -qy install --reinstall openssh-server # the image was built without its unit
in_tree usermod --shell /bin/bash ccvm
in_tree ssh-keygen -A
# The host waits for this line on the console: asking for SSH again and again would slow the guest down.
cat >"$tree/etc/systemd/system/bench.service" <<'END'
[Unit]
After=ssh.service systemd-networkd.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo bench: ssh is up >/dev/ttyS0'
[Install]
WantedBy=multi-user.target
END
in_tree systemctl enable systemd-networkd ssh bench
in_tree systemctl set-default multi-user.target
# What a first start would do and a later one does not: this is the later one.
in_tree systemd-machine-id-setup
in_tree journalctl --update-catalog
in_tree systemd-hwdb update --usr
in_tree /usr/lib/systemd/systemd-update-done
cat >"$tree/etc/systemd/network/bench.network" <<'END'
[Match]
Driver=virtio_net
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
IPv6AcceptRA=no
LinkLocalAddressing=no
END
ssh-keygen -q -t ed25519 -N '' -C bench -f "$work/key"
install -d -m 700 -o 1000 -g 1000 "$tree/home/ccvm/.ssh"
install -m 600 -o 1000 -g 1000 "$work/key.pub" "$tree/home/ccvm/.ssh/authorized_keys"
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb \
    "$tree/usr/sbin/policy-rc.d" "$tree/etc/resolv.conf"
# As the image's own root is packed.
mksquashfs "$tree" "$work/root.squashfs" -comp zstd -Xcompression-level 6 -b 128K -noappend -no-xattrs -no-progress -quiet >/dev/null
rm -rf --one-file-system -- "$tree"
chmod 755 "$work"
rm -rf --one-file-system -- "$out"
mv -T -- "$work" "$out"
trap - EXIT

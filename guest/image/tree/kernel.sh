# shellcheck shell=bash
# tree, build and out are those of tree.sh.
# shellcheck disable=SC2154,SC2034
# The kernel: fetched with the tree's apt sources, taken apart without being installed, so that no initramfs tools, no
# /boot and no pending kernel upgrade get into the tree. Sourced by tree.sh.

# Folders of the kernel tree that a microVM has no hardware for; leaving them packed saves most of the unpacking.
kernel_skip=(sound drivers/{gpu,media,iio,infiniband,scsi,usb,staging,isdn,hwmon,input,platform,mmc,mtd,video,leds,nfc,target,power,thermal}
    drivers/net/{ethernet,wireless,usb,can,phy,dsa,wan,arcnet,fddi,hamradio,ieee802154} net/{bluetooth,mac80211,wireless})

# kernel_modprobe NAME: what loading NAME would do, one "insmod PATH" or "builtin NAME" a line.
kernel_modprobe() {
    modprobe --dirname "$tree" --config /dev/null --set-version "$kernel" --show-depends "$1"
}

kernel_install() {
    local unpacked=$build/kernel
    say "kernel: downloading"
    install -d "$unpacked" "$out/modules"
    kernel_package=$(APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-cache show --no-all-versions linux-image-amd64 |
        sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,(]*\).*/\1/p' | head -n 1)
    [[ -n $kernel_package ]] || fail "the Debian mirror has no linux-image-amd64"
    (cd "$unpacked" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -o APT::Sandbox::User=root download "$kernel_package") >&2 ||
        fail "the kernel package $kernel_package could not be downloaded"
    kernel_package_version=$(dpkg-deb --field "$unpacked"/linux-image-*.deb Version)
    say "kernel: choosing modules"
    dpkg-deb --fsys-tarfile "$unpacked"/linux-image-*.deb |
        tar -x -C "$unpacked" "${kernel_skip[@]/#/--exclude=*/kernel/}"
    rm -f "$unpacked"/linux-image-*.deb
    install -m 644 "$unpacked"/boot/vmlinuz-* "$out/vmlinuz"
    local from
    from=$(find "$unpacked" -path '*/lib/modules/*' -name kernel -type d -print -quit)
    from=${from%/kernel}
    kernel=${from##*/}
    install -d "$tree/usr/lib/modules"
    rm -rf "$tree/usr/lib/modules/$kernel"
    mv "$from" "$tree/usr/lib/modules/$kernel"
    depmod --basedir "$tree" "$kernel"
    kernel_cut
    kernel_boot_modules
    rm -rf "$unpacked"
}

# kernel_cut: of the unpacked modules, only those of modules.list and what they need stay, decompressed: squashfs
# compresses them better, and loading one needs no decompressor.
kernel_cut() {
    local base=$tree/usr/lib/modules/$kernel keep=$build/keep where what
    while read -r where what _; do
        [[ $where == boot || $where == tree ]] || continue
        if [[ $what == */ ]]; then
            find "$base/kernel/$what" -name '*.ko*' -printf '%f\n' 2>/dev/null | sed 's/\.ko.*//'
        else
            printf '%s\n' "$what"
        fi
    done <"$build/modules.list" | grep -vx tcrypt | sort -u >"$build/wanted"
    while read -r what; do
        kernel_modprobe "$what" || fail "the kernel has no module $what"
    done <"$build/wanted" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sed 's#.*/kernel/#kernel/#' | sort -u >"$keep"
    (cd "$base" && find kernel -type f | sort | comm -23 - "$keep" | xargs -r rm -f)
    find "$base/kernel" -name '*.ko.xz' -print0 | xargs -0 -r xz -d
    find "$base/kernel" -name '*.ko.zst' -print0 | xargs -0 -r zstd -q -d --rm
    find "$base/kernel" -depth -type d -empty -delete
    rm -f "$base/build" "$base/source"
    depmod --basedir "$tree" "$kernel"
}

# kernel_boot_modules: modules.cpio, with the load order as kmod works it out.
kernel_boot_modules() {
    local where what path base=$tree/usr/lib/modules/$kernel
    while read -r where what _; do
        [[ $where == boot ]] || continue
        kernel_modprobe "$what" || fail "the kernel has no module $what"
    done <"$build/modules.list" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sed 's#.*/kernel/#kernel/#' |
        awk '!seen[$0]++' >"$build/boot"
    : >"$out/modules/order"
    while IFS= read -r path; do
        install -m 644 "$base/$path" "$out/modules/"
        printf '%s\n' "${path##*/}" >>"$out/modules/order"
    done <"$build/boot"
    [[ -s $out/modules/order ]] || fail "no module for the initramfs was found"
    find "$out/modules" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$out" && find modules | sort | cpio --quiet --reproducible -o -H newc -R 0:0) >"$out/modules.cpio"
}

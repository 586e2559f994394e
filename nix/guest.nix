# The root file system of a guest, made of nixpkgs' packages. It is laid out as ccvm-init expects (docs/image.md, guest/init), which is
# process 1 here as in the Debian image: no systemd, and no activation script at boot. Root in memory over the squashfs, sshd, firewall,
# hardening, the disk and the store's writable layer are its stages, the same code for both images.
#   modules        the kernel's modules, with what depmod makes
#   agentPackage   the package with bin/claude
#   agentSudo      false: the agent can never get root
#   nix            { enable, substituters, trustedPublicKeys }
{ lib, pkgs, modules, agentPackage, extraPackages ? [ ], agentSudo ? true, nix ? { enable = false; } }:
let
  inherit (pkgs) writeText;
  words = lib.concatStringsSep " ";
  tools = with pkgs; [
    bashInteractive coreutils findutils gnugrep gnused gawk diffutils gnutar gzip xz zstd which file procps psmisc util-linux iproute2
    less vim zsh git openssh ripgrep fd jq curl cacert kmod ncurses
  ] ++ lib.optional agentSudo sudo-rs ++ lib.optional nix.enable pkgs.nix ++ [ agentPackage ] ++ extraPackages;
  profile = pkgs.buildEnv {
    name = "ccvm-guest-profile";
    paths = tools;
    pathsToLink = [ "/bin" "/sbin" "/lib" "/share" "/etc/ssl" ];
    ignoreCollisions = true;
  };
  # A trusted user of Nix is as good as root (its post-build hook runs as root), so both follow one switch: in a run that grants sudo,
  # and in no other, ccvm-init puts the agent into wheel and names it in the included file, which also says where builds are done.
  nixConf = writeText "nix.conf" ''
    experimental-features = nix-command flakes
    build-users-group = nixbld
    allowed-users = root ccvm
    trusted-users = root
    substituters = https://cache.nixos.org/ ${words (nix.substituters or [ ])}
    trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY= ${words (nix.trustedPublicKeys or [ ])}
    require-sigs = true
    sandbox = true
    sandbox-fallback = false
    !include /run/ccvm/nix.conf
  '';
  # nologin accounts of what runs unprivileged; "*": no password, "!": locked (sshd without PAM refuses that one).
  passwd = writeText "passwd" ''
    root:x:0:0:root:/root:/bin/bash
    sshd:x:990:990::/run/sshd:/usr/sbin/nologin
    nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
    ccvm:x:1000:1000::/home/ccvm:/run/ccvm/bin/ccvm-launch
    ${lib.concatMapStrings (n: "nixbld${n}:x:${toString (30000 + lib.toInt n)}:30000::/var/empty:/usr/sbin/nologin\n") builders}'';
  shadow = writeText "shadow" ''
    root:!:1::::::
    sshd:!:1::::::
    nobody:!:1::::::
    ccvm:*:1::::::
  '';
  group = writeText "group" ''
    root:x:0:
    tty:x:5:
    wheel:x:900:
    sshd:x:990:
    ccvm:x:1000:
    nogroup:x:65534:
    nixbld:x:30000:${lib.concatMapStringsSep "," (n: "nixbld${n}") builders}
  '';
  builders = lib.optionals nix.enable (map toString (lib.range 1 4));
  # The policy grants without a password to wheel, which is empty until ccvm-init fills it.
  pamSudo = writeText "pam-sudo" ''
    auth required ${pkgs.linux-pam}/lib/security/pam_deny.so
    account required ${pkgs.linux-pam}/lib/security/pam_permit.so
    session required ${pkgs.linux-pam}/lib/security/pam_permit.so
  '';
in
pkgs.runCommand "ccvm-guest-root" { passthru = { inherit profile tools; texts = [ nixConf passwd shadow group ]; }; } ''
  mkdir -p $out/{etc/pam.d,etc/ssl/certs,etc/zsh,etc/nix,usr/lib/openssh,usr/local/bin,usr/sbin,home/ccvm,root,proc,sys,dev,run,tmp,mnt,scratch,var/empty,var/log,var/tmp,lib,lib64,usr/lib/ccvm}
  ln -s ${profile}/bin $out/usr/bin
  ln -s usr/bin $out/bin
  ln -s usr/sbin $out/sbin
  for p in ${pkgs.openssh}/bin/sshd ${pkgs.kmod}/bin/modprobe ${pkgs.shadow}/bin/nologin ${pkgs.e2fsprogs}/bin/mkfs.ext4; do ln -s $p $out/usr/sbin/; done
  for p in sshd-session sshd-auth; do ln -s ${pkgs.openssh}/libexec/$p $out/usr/lib/openssh/; done
  ln -s ${lib.getExe' agentPackage "claude"} $out/usr/local/bin/claude
  ln -s ${modules}/lib/modules $out/lib/modules
  # What ccvm-pool, the one guest program that is not static, is linked with (mk/guest.mk).
  ln -s ${pkgs.glibc}/lib/ld-linux-x86-64.so.2 $out/lib64/
  for l in ${lib.getLib pkgs.cryptsetup}/lib/libcryptsetup.so.12 ${pkgs.glibc}/lib/libc.so.6; do
    test -e $l
    ln -s $l $out/usr/lib/ccvm/
  done
  cp -r --no-preserve=mode ${../guest/image/overlay/etc/claude-code} $out/etc/claude-code
  cp --no-preserve=mode ${../guest/image/overlay/etc/zsh/zshrc} $out/etc/zsh/zshrc
  # /etc is written at boot (uid, wheel, resolver), so these are files and not links into the store.
  cp --no-preserve=mode ${passwd} $out/etc/passwd
  cp --no-preserve=mode ${shadow} $out/etc/shadow
  cp --no-preserve=mode ${group} $out/etc/group
  touch $out/etc/{machine-id,resolv.conf,fstab}
  echo 'ID=nixos' >$out/etc/os-release
  echo '127.0.0.1 localhost' >$out/etc/hosts
  ln -s ${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/ssl/certs/ca-certificates.crt
  ${lib.optionalString agentSudo ''
    cp --no-preserve=mode ${pamSudo} $out/etc/pam.d/sudo
    cp --no-preserve=mode ${../guest/image/sudoers} $out/etc/sudoers-rs
    cp --no-preserve=mode ${../guest/image/sudoers} $out/etc/sudoers
    cp --no-preserve=mode ${pkgs.sudo-rs}/bin/sudo $out/usr/local/bin/sudo
  ''}
  ${lib.optionalString nix.enable "cp --no-preserve=mode ${nixConf} $out/etc/nix/nix.conf"}
''

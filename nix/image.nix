# A guest image as docs/image.md describes it: vmlinuz, modules.cpio, root.squashfs, manifest.json.
{ lib, pkgs, agentPackage, extraPackages ? [ ], agentSudo ? true, clipboard ? true, nix ? { enable = false; } }:
let
  kernel = pkgs.linuxPackages.kernel;
  # In their own output since 2025; with modules.dep, whichever it is.
  modules = pkgs.aggregateModules [ (lib.getOutput "modules" kernel) ];
  root = import ./guest.nix { inherit lib pkgs modules agentPackage extraPackages agentSudo nix; };
  closure = pkgs.closureInfo { rootPaths = [ root ]; };
  # The first column of modules.list says what has to be there before the root file system is.
  bootModules = map (line: builtins.elemAt (lib.splitString " " line) 1)
    (builtins.filter (lib.hasPrefix "boot ") (lib.splitString "\n" (builtins.readFile ../guest/image/modules.list)));
  manifest = builtins.toJSON {
    schema = 1;
    builder = "nix-1";
    arch = "x86_64";
    distribution = "nixos";
    release = lib.trivial.release;
    suite = lib.trivial.codeName;
    kernel_version = kernel.modDirVersion;
    claude_version = agentPackage.version or "";
    built_in = { agent_sudo = agentSudo; inherit clipboard; nix = nix.enable; };
    extra_packages = map lib.getName extraPackages;
    packages = builtins.listToAttrs (map (p: lib.nameValuePair (lib.getName p) (p.version or "")) root.tools);
  };
in
pkgs.runCommand "ccvm-image" {
  nativeBuildInputs = with pkgs; [ squashfsTools cpio kmod jq xz zstd sqlite ] ++ lib.optional nix.enable pkgs.nix;
  inherit manifest;
  passAsFile = [ "manifest" ];
} ''
  mkdir -p $out modules
  cp ${kernel}/bzImage $out/vmlinuz

  # Load order as kmod works it out; decompressed, since ccvm-init has no decompressor.
  for name in ${toString bootModules}; do
    modprobe --dirname ${modules} --config /dev/null --set-version ${kernel.modDirVersion} --show-depends $name
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r path; do
    name=$(basename $path)
    cp $path modules/$name
    case $name in
      *.xz) xz -d modules/$name ;;
      *.zst) zstd -q -d --rm modules/$name ;;
    esac
    echo ''${name%%.ko*}.ko >>modules/order
  done
  test -s modules/order
  chmod 644 modules/*
  find modules -exec touch -h -d @1 {} +
  find modules | sort | cpio --quiet --reproducible -o -H newc -R 0:0 >$out/modules.cpio

  # The store's paths beside the tree. What belongs to somebody else than root, or has other rights, is said to mksquashfs, since a build
  # cannot give files away.
  cat >pseudo <<END
  /home/ccvm m 700 1000 1000
  /root m 700 0 0
  /tmp m 1777 0 0
  /var/tmp m 1777 0 0
  /etc/shadow m 600 0 0
  ${lib.optionalString agentSudo "/usr/local/bin/sudo m 4755 0 0\n/etc/sudoers m 440 0 0\n/etc/sudoers-rs m 440 0 0"}
  /nix m 755 0 0
  /nix/store m 755 0 0
  END
  sed -i 's/^ *//' pseudo
  mkdir tree
  cp -a ${root}/. tree/
  chmod -R u+w tree
  mkdir -p tree/nix/store
  xargs -a ${closure}/store-paths cp -a -t tree/nix/store
  ${lib.optionalString nix.enable ''
    # The guest's Nix knows the paths it came with, and collects no garbage among them. Without times, so that two builds are the same.
    export NIX_REMOTE="local?root=$PWD/tree" HOME="$PWD" USER=nobody
    nix-store --load-db <${closure}/registration
    sqlite3 tree/nix/var/nix/db/db.sqlite 'UPDATE ValidPaths SET registrationTime = 1; VACUUM'
    mkdir -p tree/nix/var/nix/gcroots
    ln -s ${root} tree/nix/var/nix/gcroots/ccvm-guest
  ''}
  mksquashfs tree $out/root.squashfs -comp zstd -Xcompression-level 6 -b 128K -no-xattrs -all-root -no-progress \
    -mkfs-time 1 -all-time 1 -pf pseudo -noappend

  for name in vmlinuz modules.cpio root.squashfs; do
    jq -n --arg name $name --arg hash "$(sha256sum <$out/$name | cut -d " " -f 1)" --argjson size "$(stat -c %s $out/$name)" \
      '{($name): {size: $size, sha256: $hash}}'
  done | jq -s add >files.json
  id=nixos${lib.trivial.release}-$(sha256sum <files.json | cut -c 1-8)
  jq --slurpfile files files.json --arg id $id '. + {id: $id, created: "1970-01-01T00:00:01Z", files: $files[0]}' $manifestPath >$out/manifest.json
''

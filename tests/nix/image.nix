# Evaluates nix/image.nix and nix/guest.nix with packages that are only names: the two scripts they make, and the manifest. What is asked of
# nixpkgs stands in the list; a name that is not in it is a mistake.
{ given ? { }, nixpkgsLib ? null }:
let
  lib = if nixpkgsLib == null then import ./lib.nix else import nixpkgsLib;
  package = name: { type = "derivation"; inherit name; pname = name; version = "1"; outPath = "/nix/store/${name}"; };
  names = [
    "bashInteractive" "coreutils" "findutils" "gnugrep" "gnused" "gawk" "diffutils" "gnutar" "gzip" "xz" "zstd" "which" "file" "procps" "psmisc"
    "util-linux" "iproute2" "less" "vim" "zsh" "git" "openssh" "ripgrep" "fd" "jq" "curl" "cacert" "kmod" "ncurses" "sudo-rs" "nix" "linux-pam"
    "shadow" "e2fsprogs" "glibc" "cryptsetup" "squashfsTools" "cpio" "sqlite"
  ];
  # A kernel with its modules in an output of their own, as it is since 2025.
  kernel = package "linux" // { modDirVersion = "6.99.0"; modules = package "linux-modules"; };
  pkgs = builtins.listToAttrs (map (name: { inherit name; value = package name; }) names) // {
    linuxPackages.kernel = kernel;
    aggregateModules = list: package "all-of-${toString (map (p: p.name) list)}";
    writeText = name: text: package name // { inherit text; };
    buildEnv = { name, paths, ... }: package name // { inherit paths; };
    closureInfo = { rootPaths }: package "closure" // { inherit rootPaths; };
    runCommand = name: attributes: script: package name // attributes // (attributes.passthru or { }) // { inherit script; };
  };
  image = import ../../nix/image.nix ({ inherit lib pkgs; agentPackage = package "claude-code"; } // given);
  root = import ../../nix/guest.nix ({ inherit lib pkgs; modules = package "modules"; agentPackage = package "claude-code"; }
    // removeAttrs given [ "clipboard" ]);
  # Every file whose text is in a variable of the script, by its name.
  texts = lib.concatStringsSep "\n" (map (t: t.text) (root.texts or [ ]));
in
{ image = image.script; root = root.script; manifest = builtins.fromJSON image.manifest; inherit texts; tools = map (p: p.name) root.tools; }

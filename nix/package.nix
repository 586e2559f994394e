# ccvm's programs, the guest's static ones among them. Nothing is fetched beyond nixpkgs' inputs.
#   image: a guest image (nix/image.nix) that becomes the default one, or null
{ lib, stdenv, glibc, pkg-config, cpio, makeWrapper, libuv, libssh, openssl, cjson, libslirp, glib, xxHash, libseccomp, c-ares, libidn2, cryptsetup, patchelf
, libvterm-neovim, libtermkey, ncurses, qemu, bash, mmdebstrap, squashfsTools, zstd, xz, kmod, jq, nodejs, cmocka, mandoc, git
, python3, image ? null }:
stdenv.mkDerivation {
  pname = "ccvm";
  version = builtins.head (builtins.match ".*\n## ([0-9.]+).*" (builtins.readFile ../CHANGELOG.md));
  src = lib.cleanSource ../.;
  strictDeps = true;
  nativeBuildInputs = [ pkg-config cpio makeWrapper patchelf ];
  # glibc.static: the guest's programs run in any image, so they bring their C library along.
  buildInputs = [ glibc.static libuv libssh openssl cjson libslirp glib xxHash libseccomp c-ares libidn2 cryptsetup libvterm-neovim libtermkey ncurses ];
  nativeCheckInputs = [ cmocka mandoc git (python3.withPackages (p: [ p.pytest ])) ];
  # The project sets these itself, the guest's programs among others; a wrapper that adds them again only warns.
  hardeningDisable = [ "fortify" "fortify3" ];
  enableParallelBuilding = true;
  postPatch = "patchShebangs mk guest/image tests";
  makeFlags = [ "PREFIX=${placeholder "out"}" ];
  # The guest's one dynamic program runs with the image's libraries and not with the host's store: as mk/guest.mk links it elsewhere.
  postBuild = ''
    strip build/guest/bin/*
    patchelf --set-interpreter /lib64/ld-linux-x86-64.so.2 --set-rpath /usr/lib/ccvm build/guest/bin/ccvm-pool
    touch build/guest/bin/ccvm-pool
    make STRIP=: build/libexec/ccvm/guest.cpio
  '';
  doCheck = true;
  checkPhase = "make -j$NIX_BUILD_CORES unit";
  # Beside libexec, as the programs look for each other; a wrapper lies in the same folder as what it starts.
  postInstall = ''
    for program in ccvm ccvmctl ccvm-tui; do
      wrapProgram $out/bin/$program \
        --set-default CCVM_QEMU ${qemu}/bin/qemu-system-x86_64 \
        --suffix PATH : ${lib.makeBinPath [ bash mmdebstrap squashfsTools cpio zstd xz kmod jq nodejs ]}
    done
  '' + lib.optionalString (image != null) "ln -s ${image} $out/share/ccvm/image-default";
  meta = {
    description = "Claude Code inside a throw-away virtual machine";
    license = lib.licenses.mit;
    platforms = [ "x86_64-linux" ];
    mainProgram = "ccvm";
  };
}

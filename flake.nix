{
  description = "ccvm: Claude Code inside a throw-away virtual machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      system = "x86_64-linux";
      # Claude Code is proprietary: it is fetched by whoever builds an image, and this is the consent to that one package.
      pkgsFor = pkgs: import pkgs.path { inherit system; config.allowUnfreePredicate = p: pkgs.lib.getName p == "claude-code"; };
      parts = pkgs: rec {
        ccvm = pkgs.callPackage ./nix/package.nix { };
        image = arguments: import ./nix/image.nix ({ inherit pkgs; inherit (pkgs) lib; } // arguments);
        defaultImage = image { agentPackage = (pkgsFor pkgs).claude-code; };
        withImage = ccvm.override { image = defaultImage; };
      };
      pkgs = nixpkgs.legacyPackages.${system};
      made = parts pkgs;
    in
    {
      packages.${system} = {
        default = made.withImage;
        inherit (made) ccvm;
        image = made.defaultImage;
      };
      apps.${system} = builtins.mapAttrs (name: _: { type = "app"; program = "${made.withImage}/bin/${name}"; })
        { ccvm = null; ccvmctl = null; ccvm-tui = null; }
      // { default = { type = "app"; program = "${made.withImage}/bin/ccvm"; }; };
      homeModules.ccvm = import ./nix/home-manager.nix { packages = parts; };
      checks.${system} = import ./nix/checks.nix { inherit pkgs; inherit (made) ccvm; };
      devShells.${system}.default = pkgs.mkShell { inputsFrom = [ made.ccvm ]; packages = [ pkgs.qemu pkgs.cmocka pkgs.clang-tools pkgs.shellcheck pkgs.mandoc ]; };
      formatter.${system} = pkgs.nixpkgs-fmt;
    };
}

# Evaluates nix/home-manager.nix with some values: what it declares and what it writes, as JSON.
{ given, nixpkgsLib ? null }:
let
  own = import ./lib.nix;
  real = import nixpkgsLib;
  pkgs = { claude-code = package "claude-code"; hello = package "hello"; };
  package = name: { type = "derivation"; inherit name; outPath = "/nonexistent/${name}"; override = o: package "${name}-with-${if o.image == null then "none" else o.image.name}"; };
  module = import ../../nix/home-manager.nix {
    packages = _: { ccvm = package "ccvm"; image = i: package "image-of-${i.agentPackage.name}-${toString (map (p: p.name) i.extraPackages)}"; };
  };
  evaluated =
    if nixpkgsLib == null then own.evalHome { inherit module given pkgs; }
    else real.evalModules {
      modules = [
        module
        { programs.ccvm = given; _module.args.pkgs = pkgs; }
        ({ lib, ... }: {
          options = {
            home.packages = lib.mkOption { type = lib.types.listOf lib.types.unspecified; };
            xdg.configFile = lib.mkOption { type = lib.types.attrs; default = { }; };
            warnings = lib.mkOption { type = lib.types.listOf lib.types.str; default = [ ]; };
          };
        })
      ];
    };
  flatten = prefix: set: builtins.concatLists (builtins.attrValues (builtins.mapAttrs
    (name: o:
      if (o._type or null) == "option"
      then [ { name = prefix + name; value = { default = o.default; description = o.description; type = o.type.description or o.type.name; }; } ]
      else flatten "${prefix}${name}." o)
    set));
  ours = [ "enable" "image" "programs" ];
in
{
  options = builtins.listToAttrs (builtins.filter (o: !(builtins.elem o.name ours)) (flatten "" evaluated.options.programs.ccvm));
  config = (evaluated.config.xdg.configFile or { })."ccvm/config.json".text or null;
  packages = map (p: p.name) (evaluated.config.home.packages or [ ]);
  warnings = evaluated.config.warnings or [ ];
}

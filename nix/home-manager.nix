# programs.ccvm.*: every option of ccvm for home-manager, made from nix/options.json, which is `ccvmctl config table`. A test compares
# the two, so names, types and defaults are the program's own.
#
# Only what is set here goes to config.json: an option that is left alone keeps following ccvm's default, or the image's.
{ packages }:
{ config, options, lib, pkgs, ... }:
let
  inherit (lib) mkIf mkOption types;
  cfg = config.programs.ccvm;
  table = (builtins.fromJSON (builtins.readFile ./options.json)).options;
  pathOf = o: lib.splitString "." o.name;
  valueOf = o: lib.getAttrFromPath (pathOf o) cfg;
  # 1500 is the priority of an option's own default; everything that a user writes is stronger.
  isSet = o: (lib.getAttrFromPath (pathOf o) options.programs.ccvm).highestPrio < 1500;
  isImageOnly = o: o.when == "image";

  typeOf = o:
    # Packages may be given as such, or by the names of their attributes in nixpkgs.
    if o.name == "extraPackages" then types.listOf (types.either types.str types.package)
    else if o.name == "package" then types.either types.str types.package
    else {
      bool = types.bool;
      tri = types.nullOr types.bool;
      int = types.ints.between o.min o.max;
      enum = types.enum o.choices;
      string = types.str;
      text = types.nullOr types.lines;
      list = types.listOf types.str;
      ports = types.listOf (types.ints.between 1 65535);
    }.${o.type};

  describe = o: o.text
    + (if o ? variable then "\n\nFor one run: the variable ${o.variable}." else "")
    + (if o ? flags then "\n\nFlags: ${o.flags}." else "");

  declared = lib.foldl' lib.recursiveUpdate { } (map
    (o: lib.setAttrByPath (pathOf o) (mkOption {
      type = typeOf o;
      default = o.default;
      description = describe o;
    }))
    table);

  settings = builtins.listToAttrs (map (o: { inherit (o) name; value = valueOf o; })
    (builtins.filter (o: isSet o && !isImageOnly o) table));

  toPackage = p: if builtins.isString p then lib.getAttrFromPath (lib.splitString "." p) pkgs else p;
in
{
  options.programs.ccvm = declared // {
    enable = lib.mkEnableOption "ccvm, which runs Claude Code in a throw-away virtual machine";

    programs = mkOption {
      type = types.package;
      default = (packages pkgs).ccvm;
      description = "The package of ccvm's own programs.";
    };

    image = mkOption {
      type = types.nullOr types.package;
      default = (packages pkgs).image {
        agentPackage = toPackage cfg.package;
        extraPackages = map toPackage cfg.extraPackages;
        agentSudo = cfg.agentSudo != false;
        clipboard = cfg.clipboard.images;
        nix = cfg.nix;
      };
      description = "The guest image. null: none, and `ccvmctl image build` makes a Debian one.";
    };
  };

  config = mkIf cfg.enable {
    home.packages = [ (cfg.programs.override { inherit (cfg) image; }) ];
    xdg.configFile = if settings == { } then { } else {
      "ccvm/config.json".text = builtins.toJSON settings + "\n";
    };
    warnings =
      if cfg.agentSudo == true && cfg.egressAllowlist != [ ]
      then [ "programs.ccvm: agentSudo with egressAllowlist lets the agent flush the guest's own firewall; the host's remains" ]
      else [ ];
  };
}

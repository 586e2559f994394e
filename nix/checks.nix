# nix flake check: the programs with their unit tests and fuzz replays (the package's own check), the option table, the module.
{ pkgs, ccvm }:
{
  inherit ccvm;
  options = pkgs.runCommand "ccvm-options" { } ''
    ${ccvm}/bin/ccvmctl config table | diff ${./options.json} - && touch $out
  '';
  home-manager = pkgs.runCommand "ccvm-home-module" {
    result = builtins.toJSON (import ../tests/nix/home.nix {
      nixpkgsLib = pkgs.path + "/lib";
      given = { enable = true; memory = 2048; };
    });
    passAsFile = [ "result" ];
  } ''
    ${pkgs.jq}/bin/jq -e '.config == "{\"memory\":2048}\n"' $resultPath && touch $out
  '';
  scripts = pkgs.runCommand "ccvm-scripts" { nativeBuildInputs = [ pkgs.shellcheck ]; } ''
    shellcheck -x ${../.}/mk/*.sh && touch $out
  '';
}

# As much of nixpkgs' lib and of its module system as the files in nix/ use, for tests without nixpkgs. With NIXPKGS_LIB the same tests
# run against the real one.
let
  inherit (builtins) all attrNames elem filter foldl' hasAttr head isAttrs isBool isInt isList isString length match tail;
  type = name: check: { _type = "type"; inherit name check; };
  splitString = separator: text: filter isString (builtins.split (builtins.replaceStrings [ "." ] [ "\\." ] separator) text);
  setAttrByPath = path: value: if path == [ ] then value else { ${head path} = setAttrByPath (tail path) value; };
  getAttrFromPath = path: set: foldl' (s: name: s.${name}) set path;
  isOption = o: isAttrs o && (o._type or null) == "option";
  recursiveUpdate = a: b: a // builtins.mapAttrs
    (name: value: if hasAttr name a && isAttrs value && isAttrs a.${name} && !isOption value then recursiveUpdate a.${name} value else value) b;
  mkOption = o: o // { _type = "option"; };

  # The values of a tree of options: what the user gave, checked, else the default.
  values = path: declared: given:
    builtins.mapAttrs
      (name: o:
        if !isOption o then values "${path}.${name}" o (given.${name} or { })
        else if !hasAttr name given then o.default
        else if o.type.check given.${name} then given.${name}
        else throw "${path}.${name} is no ${o.type.name}")
      declared;
  # Whether every name is one of an option; the values themselves are checked when they are used.
  known = path: declared: given: all
    (name:
      if !hasAttr name declared then throw "unknown option: ${path}.${name}"
      else isOption declared.${name} || known "${path}.${name}" declared.${name} given.${name})
    (attrNames given);
  priorities = declared: given: builtins.mapAttrs
    (name: o: if isOption o then o // { highestPrio = if hasAttr name given then 100 else 1500; } else priorities o (given.${name} or { }))
    declared;
in
rec {
  inherit foldl' splitString setAttrByPath getAttrFromPath recursiveUpdate mkOption;
  # strings, lists and outputs, for nix/guest.nix and nix/image.nix
  inherit (builtins) concatStringsSep;
  concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
  concatMapStrings = concatMapStringsSep "";
  optional = condition: value: optionals condition [ value ];
  optionals = condition: list: if condition then list else [ ];
  optionalString = condition: text: if condition then text else "";
  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  toInt = builtins.fromJSON;
  range = from: to: if from > to then [ ] else [ from ] ++ range (from + 1) to;
  nameValuePair = name: value: { inherit name value; };
  getName = p: p.pname or p.name;
  getOutput = output: p: p.${output} or p;
  getLib = getOutput "lib";
  getExe' = p: program: "${p}/bin/${program}";
  trivial = { release = "99.05"; codeName = "Test"; };

  mkIf = condition: content: if condition then content else { };
  mkEnableOption = what: mkOption { type = types.bool; default = false; description = "Whether to enable ${what}."; };
  types = {
    bool = type "bool" isBool;
    str = type "str" isString;
    lines = type "lines" isString;
    package = type "package" (p: isAttrs p && p ? outPath);
    enum = values: type "enum" (v: elem v values);
    ints.between = low: high: type "int" (v: isInt v && v >= low && v <= high);
    nullOr = t: type "null or ${t.name}" (v: v == null || t.check v);
    either = a: b: type "${a.name} or ${b.name}" (v: a.check v || b.check v);
    listOf = t: type "list of ${t.name}" (v: isList v && all t.check v);
  };
  # { config, options } of one module whose options are all below programs.ccvm.
  evalHome = { module, given, pkgs }:
    let
      config.programs.ccvm = values "programs.ccvm" made.options.programs.ccvm given;
      options.programs.ccvm = priorities made.options.programs.ccvm given;
      made = module { inherit config options pkgs; lib = import ./lib.nix; };
    in
    assert known "programs.ccvm" made.options.programs.ccvm given;
    { inherit options; config = config // made.config; };
}

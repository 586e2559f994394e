# shellcheck shell=bash
# Variables that are not set here are those of build.sh.
# shellcheck disable=SC2154,SC2034
# The manifest: what the image holds and by which hashes it is known. Sourced.

# manifest_write: writes $partial/manifest.json from the other files there and $work/info.json; sets image_id.
manifest_write() {
    local name files='{}' hash all=
    for name in vmlinuz modules.cpio root.squashfs; do
        hash=$(hash_file sha256 "$partial/$name")
        all+="$hash  $name"$'\n'
        files=$(jq -c --arg name "$name" --arg hash "$hash" --argjson size "$(stat -c %s "$partial/$name")" \
            '. + {($name): {size: $size, sha256: $hash}}' <<<"$files")
    done
    hash=$(printf '%s' "$all" | sha256sum)
    image_id=debian$release-${hash:0:8}
    jq -n --slurpfile info "$work/info.json" --argjson files "$files" --arg id "$image_id" \
        --arg created "$(date -u --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
        --arg claude "$lock_version" --arg integrity "$lock_integrity" --arg builder "$builder_version" \
        --arg suite "$suite" --arg release "$release" --arg extra "$extra_packages" \
        --argjson agent_sudo "$agent_sudo" --argjson clipboard "$clipboard" --argjson nix "$nix" \
        '$info[0] as $i | {
            schema: 1, id: $id, created: $created, builder: $builder,
            arch: "x86_64", distribution: "debian", release: $release, suite: $suite,
            kernel_version: $i.kernel, claude_version: $claude, claude_integrity: $integrity,
            built_in: {agent_sudo: $agent_sudo, clipboard: $clipboard, nix: $nix},
            files: $files,
            extra_packages: ($extra | split(" ") | map(select(. != ""))),
            packages: ($i.packages + {($i.kernel_package): $i.kernel_package_version})
        }' >"$partial/manifest.json"
    chmod 644 "$partial/manifest.json"
}

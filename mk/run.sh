#!/bin/bash
# make run: one real session in a sample project. In a terminal: ccvm-tui with claude in it. Otherwise: a few facts about a
# guest and one answer of claude's, for scripts and first checks.
#
# Without an API key claude talks to a scripted API server on this machine's loopback, which says so in each answer;
# only this demonstration does that, ccvm itself never.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
top=$PWD
demo_user=ccvm-demo

say() { printf 'ccvm: %s\n' "$*" >&2; }

# As root: ccvm refuses to run as root, so an ordinary user runs the guest. Programs and image are copied where that
# user may read them when the checkout is not such a place.
run_as_demo_user() {
    local stage=/var/tmp/ccvm-demo home
    if ! id "$demo_user" >/dev/null 2>&1; then
        useradd --create-home --shell /bin/bash "$demo_user"
        say "made the ordinary user $demo_user, since guests do not run as root (remove: userdel -r $demo_user)"
    fi
    say "running as the ordinary user $demo_user"
    home=$(getent passwd "$demo_user" | cut -d: -f6)
    if ! setpriv --reuid="$demo_user" --regid="$demo_user" --init-groups test -r "$top/mk/run.sh" -a -r "$CCVM_IMAGE/root.squashfs"; then
        install -d -m 0755 "$stage"
        say "copying programs and image to $stage, where $demo_user can read them"
        copy_for_demo_user "$stage"
        top=$stage
        CCVM_IMAGE=$stage/image
    fi
    exec setpriv --reuid="$demo_user" --regid="$demo_user" --init-groups env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u XDG_CONFIG_HOME \
        HOME="$home" USER="$demo_user" LOGNAME="$demo_user" CCVM_IMAGE="$CCVM_IMAGE" DEMO_TOP="$top" "$top/mk/run.sh"
}

# Only what changed is copied: a second run starts at once.
copy_for_demo_user() {
    local part
    for part in mk tools tests/lib build/bin build/libexec build/share; do
        install -d -m 0755 "$1/$part"
        cp -RuL "$top/$part/." "$1/$part/"
    done
    install -d -m 0755 "$1/image"
    cp -Ru "$CCVM_IMAGE/." "$1/image/"
    chmod -R a+rX "$1"
}

make_sample_project() {
    mkdir -p "$1"
    [[ -e $1/README.md ]] || cat >"$1/README.md" <<'END'
# A sample project for ccvm

Ask claude to change something here: in mode rw (the default) the edit lands in this directory, and
nothing else of this machine is within its reach.
END
    [[ -e $1/hello.py ]] || printf 'print("Hello from the sample project")\n' >"$1/hello.py"
}

# A home of the demonstration's own: the user's settings stay untouched, and claude's first-run questions, which need
# a network, are answered.
make_demo_home() {
    mkdir -p "$1/.claude"
    PYTHONPATH=$top/tests/lib python3 - "$1" "$2" "$3" <<'END'
import json, os, sys
from claude_home import config
home, workspace, key = sys.argv[1:]
with open(os.path.join(home, ".claude.json"), "w") as f:
    json.dump(config(workspace, key), f)
with open(os.path.join(home, ".claude", "settings.json"), "w") as f:
    json.dump({"permissions": {"defaultMode": "default"}}, f)
END
}

start_demo_api() {
    local line
    coproc API { exec python3 "$top/tools/apiserver/apiserver.py" --demo --parent-pid $$ 2>/dev/null; }
    read -r line <&"${API[0]}"
    port=${line##*:}
    export ANTHROPIC_API_KEY=ccvm-demo-key-not-a-real-account
    export ANTHROPIC_BASE_URL=http://10.0.2.2:$port
    export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_TELEMETRY=1
    export CCVM_SHARE_CONFIG=1
    say "no ANTHROPIC_API_KEY is set: claude will talk to a scripted API server on this machine's loopback,"
    say "so its answers are canned. With a real account: ANTHROPIC_API_KEY=... make run, or start ccvm and use /login."
}

run_in_terminal() {
    local id code=0
    say "starting claude in a guest, in $PWD"
    id=$("$top/build/bin/ccvmctl" new --name demo)
    "$top/build/bin/ccvm-tui" || code=$?
    "$top/build/bin/ccvmctl" stop "$id" 2>/dev/null && say "the session was still running and has been stopped"
    say "next: cd into a project of yours and run $top/build/bin/ccvm, or $top/build/bin/ccvm-tui for several"
    exit "$code"
}

run_in_script() {
    say "no terminal here: showing a guest's facts and one answer"
    # shellcheck disable=SC2016 # expanded in the guest
    "$top/build/bin/ccvm" --shell -c '
        echo "guest kernel:  $(uname -sr)"
        echo "guest memory:  $(awk "/MemTotal/ {printf \"%d MiB\", \$2 / 1024}" /proc/meminfo)"
        echo "claude:        $(claude --version)"' </dev/null
    echo "claude -p:     $("$top/build/bin/ccvm" -p 'Say hello in one sentence.' </dev/null)"
    say "done"
}

if ((EUID == 0)); then
    CCVM_IMAGE=$(mk/image.sh)
    run_as_demo_user
fi
top=${DEMO_TOP:-$top}
if [[ -z ${CCVM_IMAGE:-} ]]; then
    CCVM_IMAGE=$(mk/image.sh)
fi
export CCVM_IMAGE
# Beside ccvm's own directories, not in them: no guest may have those as its workspace.
demo=${XDG_CACHE_HOME:-$HOME/.cache}/ccvm-demo
make_sample_project "$demo/project"
if [[ -z ${ANTHROPIC_API_KEY:-} ]]; then
    start_demo_api
    make_demo_home "$demo/home" "$demo/project" "$ANTHROPIC_API_KEY"
    export HOME=$demo/home
fi
cd "$demo/project"
if [[ -t 0 && -t 1 ]]; then run_in_terminal; else run_in_script; fi

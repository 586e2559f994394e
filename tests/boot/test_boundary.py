"""What crosses into a guest, and nothing else: planted secrets are searched for on both sides, harmless things used."""

import json
import os
import re
import resource
import stat
import subprocess
import tarfile

import procs
from api import Api
from guestshell import GuestShell
from harness import (Skip, assert_eq, assert_in, assert_match, assert_not_in, assert_nothing_left, assert_true, descendants,
                     find_in_tree, show, test)
from tmux import Tmux

SECRET = b"PLANTED-SECRET"  # every planted value holds it
KEY = "sk-ant-PLANTED-SECRET-api-key-0123456789"

# Below the home. What holds SECRET must not cross, what says `harmless` must (HARMLESS), with all options that share on.
FILES = {
    ".claude/.credentials.json": '{"claudeAiOauth": {"accessToken": "PLANTED-SECRET-1"}}',
    ".claude/skills/deep/er/.credentials.json": '{"x": "PLANTED-SECRET-2"}',
    ".claude/skills/deep/SKILL.md": "---\nname: deep\ndescription: harmless skill\n---\nharmless\n",
    ".claude/commands/hello.md": "harmless command\n",
    ".claude/commands/sub/.netrc": "machine x password PLANTED-SECRET-3",
    ".claude/agents/helper.md": "---\nname: helper\ndescription: harmless agent\n---\nharmless\n",
    ".claude/output-styles/terse.md": "---\nname: terse\n---\nharmless style\n",
    ".claude/plugins/one/plugin.json": '{"harmless": "plugin"}',
    ".claude/plugins/one/.git/config": "url = https://x:PLANTED-SECRET-4@example.com",
    ".claude/CLAUDE.md": "harmless memory\n",
    ".claude/keybindings.json": '{"harmless": "keys"}',
    ".claude/settings.json": '{"cleanupPeriodDays": 4711, "env": {"ANTHROPIC_API_KEY": "PLANTED-SECRET-5",'
                             ' "HARMLESS": "harmless setting", "AWS_SECRET_ACCESS_KEY": "PLANTED-SECRET-6"}}',
    ".claude/history.jsonl": "PLANTED-SECRET-7",
    ".claude/shell-snapshots/s.sh": "PLANTED-SECRET-8",
    ".claude/statsig/token": "PLANTED-SECRET-9",
    ".claude.json": json.dumps({
        "numStartups": 7, "harmlessUnknown": ["harmless", 1e3], "primaryApiKey": "PLANTED-SECRET-10",
        "oauthAccount": {"emailAddress": "harmless@example.org", "accessToken": "PLANTED-SECRET-11"},
        "mcpServers": {"a": {"command": "harmless", "env": {"T": "PLANTED-SECRET-12"}}},
        "projects": {"/p": {"mcpServers": {"b": {"url": "http://harmless", "headers": {"Authorization":
                                                                                        "PLANTED-SECRET-13"},
                                                 "deep": [{"env": "PLANTED-SECRET-14"}]}}}}}),
    ".claude.json.backup": "PLANTED-SECRET-15",
    ".ssh/id_ed25519": "PLANTED-SECRET-16",
    ".aws/credentials": "PLANTED-SECRET-17",
    ".config/gcloud/application_default_credentials.json": "PLANTED-SECRET-18",
    ".config/gh/hosts.yml": "PLANTED-SECRET-19",
    ".azure/msal_token_cache.json": "PLANTED-SECRET-20",
    ".kube/config": "PLANTED-SECRET-21",
    ".netrc": "PLANTED-SECRET-22",
    ".git-credentials": "https://u:PLANTED-SECRET-23@example.com",
    ".config/git/ignore": "*.harmless-ignored\n",
    ".gitconfig": "[user]\n\tname = Harmless User\n\temail = harmless@example.org\n[alias]\n\tci = commit -q -m\n"
                  "[credential]\n\thelper = \"!echo password=PLANTED-SECRET-24\"\n"
                  "[url \"https://user:PLANTED-SECRET-25@example.com/\"]\n\tinsteadOf = https://example.com/\n"
                  "[http]\n\textraHeader = \"Authorization: Basic PLANTED-SECRET-26\"\n"
                  "[commit]\n\tgpgsign = true\n[user]\n\tsigningkey = PLANTED-SECRET-27\n",
    "dotfiles/commands/linked.md": "harmless linked command\n",
    "dotfiles/.credentials.json": "PLANTED-SECRET-28",
}

HARMLESS = {  # below the guest's home
    ".claude/skills/deep/SKILL.md": "harmless skill", ".claude/commands/hello.md": "harmless command",
    ".claude/agents/helper.md": "harmless agent", ".claude/output-styles/terse.md": "harmless style",
    ".claude/plugins/one/plugin.json": "plugin", ".claude/CLAUDE.md": "harmless memory",
    ".claude/keybindings.json": "keys", ".claude/settings.json": "harmless setting",
    ".claude/skills/linked/commands/linked.md": "harmless linked command", ".claude.json": "harmless@example.org",
    ".config/git/ignore": "harmless-ignored", ".gitconfig": "Harmless User"}

VARIABLES = {"ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_OAUTH_TOKEN": "PLANTED-SECRET-40",
             "ANTHROPIC_AUTH_TOKEN": "PLANTED-SECRET-41", "AWS_SESSION_TOKEN": "PLANTED-SECRET-42",
             "GITHUB_TOKEN": "PLANTED-SECRET-43", "ANTHROPIC_CUSTOM_HEADERS": "x-api-key: PLANTED-SECRET-44"}

# All files of the guest that are not the image's: the image was there before, and reading all of it takes minutes.
# Its files have the times of its build; what came since is newer, wherever it was put. /proc and /sys hold no files.
DUMP = r"""
born=$(( $(awk '/^btime/ { print $2 }' /proc/stat) - 60 ))
sudo -n find / \( -path /proc -o -path /sys -o -path "$PWD/dump.tar" \) -prune -o \
    \( -type f -o -type l \) -newerct @$born -print0 | sudo -n tar -cf dump.tar --null --no-recursion -T - 2>&1 |
    grep -v 'Removing leading\|file changed as we read it'
ls -l dump.tar"""


def plant(ctx):
    home = ctx.home
    for name, text in FILES.items():
        ctx.write(os.path.join(home, name), text, 0o600)
    for target, name in ((os.path.join(home, "dotfiles"), ".claude/skills/linked"),
                         ("../../.credentials.json", ".claude/skills/deep/notes.md"),
                         ("../../../.ssh", ".claude/skills/deep/keys"),
                         ("../..", ".claude/agents/up"),
                         ("../../.claude.json", ".claude/agents/record.md"),
                         ("../../.config/gcloud", ".claude/agents/cloud")):
        os.symlink(target, os.path.join(home, name))
        os.lchown(os.path.join(home, name), ctx.uid, ctx.gid)
    os.link(os.path.join(home, ".claude/.credentials.json"), os.path.join(home, ".claude/commands/hard.md"))
    os.link(os.path.join(home, ".claude.json"), os.path.join(home, ".claude/commands/hard.json"))


def processes_that_show(pid):
    """[(name, "argv" | "environ")] of a session's processes that show a planted secret to somebody who may look."""
    found = []
    for p in [procs.process(pid)] + descendants(pid):
        for where in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (p.pid, where), "rb") as f:
                    if SECRET in f.read():
                        found.append((p.name, where))
            except PermissionError:  # ccvm-session lets nobody but root look
                assert_eq((p.name, os.getuid() != 0), ("ccvm-session", True), "process that cannot be looked at")
    return found


def search_dump(path):
    """({name: content} of the dump's files, the names of those with a planted secret)."""
    files, found = {}, []
    with tarfile.open(path) as tar:
        for member in tar:
            data = tar.extractfile(member).read() if member.isreg() else member.linkname.encode()
            files[member.name] = data
            if SECRET in data or SECRET.decode() in member.name:
                found.append(member.name)
    return files, found


@test(timeout=500)
def test_no_secret_crosses(ctx):
    """And what is harmless beside the secrets is all there, writable, and used by git."""
    plant(ctx)
    w, events = ctx.workspace, os.path.join(ctx.private, "events")
    ctx.write(os.path.join(w, "a.c"), "int a;\n")
    ctx.write(os.path.join(w, "b.harmless-ignored"), "x\n")
    with open(events, "wb"):
        os.chmod(ctx.private, 0o711)
        os.chown(events, ctx.uid, ctx.gid)
    assert_eq(ctx.run(["git", "init", "-q", w])[0], 0, "exit code of git init on the host")
    g = GuestShell(ctx, env={**VARIABLES, "CCVM_SHARE_PLUGINS": "1", "CCVM_SHARE_CONFIG": "1", "CCVM_EVENTS": events,
                             "CCVM_MEMORY": "2048"})

    # the host's side: seed, logs, status; argv and environment
    [run_dir] = ctx.session_dirs()
    assert_true({"seed", "console.log", "status.json"} <= set(os.listdir(run_dir)), "what is searched is there")
    assert_eq(find_in_tree(SECRET, run_dir, events, ctx.cache, ctx.tmp, w), [], "files on the host with a planted secret")
    assert_eq(processes_that_show(g.proc.pid), [],
              "processes with a planted secret (ccvm has wiped those of its environment)")
    notes = [e["text"] for e in map(json.loads, (procs.read(events) or b"").splitlines()) if e["event"] == "note"]
    assert_in("commands/hard.md is not shared: it leads to credentials", "\n".join(notes), "notes")

    # the guest's side
    assert_eq(g.do("printf %s \"$ANTHROPIC_API_KEY\"; env | grep -c PLANTED-SECRET"), KEY + "1",
              "the API key, and how many variables hold a secret")
    g.do("sudo -n sh -c 'echo made >/usr/local/lib/late-file'")  # to see that the dump leaves out no place
    g.do(DUMP, 240)
    files, found = search_dump(os.path.join(w, "dump.tar"))
    home = {n.removeprefix("home/ccvm/"): data for n, data in files.items() if n.startswith("home/ccvm/")}
    assert_eq(found, [], "files of the guest with a planted secret, of %d" % len(files))
    for part in ("run/ccvm/launch", "etc/", "usr/local/lib/late-file", w.lstrip("/")):
        assert_true(any(n.startswith(part) for n in files), "the dump holds something of /%s: %s" % (part, sorted(files)[:40]))
    for name, text in HARMLESS.items():
        assert_in(text, home.get(name, b"(missing)").decode(), "the guest's " + name)
    assert_eq(json.loads(home[".claude.json"])["harmlessUnknown"], ["harmless", 1e3], "unknown keys of ~/.claude.json")
    assert_true(b"throw-away virtual machine" in home[".claude/CLAUDE.md"].split(b"harmless memory")[1],
                "the context text stands after the user's own memory")
    assert_eq(g.do("find ~ ! -writable ! -type l"), "", "what the agent cannot write in its home")

    # git, as the user
    g.do("git add -A && git ci 'from the guest'")
    for where, out in (("guest", g.do("git log --format='%an <%ae> %s %G?'; git ls-files")),
                       ("host", ctx.run(["git", "-C", w, "log", "--format=%an <%ae> %s %G?"])[1].decode().rstrip("\n")
                        + "\n" + ctx.run(["git", "-C", w, "ls-files"])[1].decode().rstrip("\n"))):
        assert_eq(out, "Harmless User <harmless@example.org> from the guest N\na.c\ndump.tar", "git log and files, " + where)
    code, out = g.run("git config --show-origin --get-regexp 'credential|insteadof|extraheader|signingkey'")
    assert_eq((code, out), (1, b""), "credentials in the guest's git config")

    g.end(0, quiet=False)
    assert_true(SECRET not in g.proc.err, "a secret in ccvm's messages: %s" % show(g.proc.err))
    assert_nothing_left(ctx)
    assert_eq(find_in_tree(SECRET, ctx.runtime, events, ctx.cache, ctx.tmp, w), [], "files with a secret after the end")


# -- the real claude --------------------------------------------------------------------------------------------------

MARKED = {".claude/CLAUDE.md": "MARKER-MEMORY\n", ".claude/commands/greet.md": "MARKER-COMMAND to $ARGUMENTS\n",
          ".claude/output-styles/marked.md": "---\nname: marked\ndescription: x\n---\nMARKER-STYLE\n",
          ".claude/settings.json": '{"model": "claude-haiku-4-5-20251001", "outputStyle": "marked"}'}


def write_marked(ctx):
    for name, text in MARKED.items():
        ctx.write(os.path.join(ctx.home, name), text)


def check_context(ctx, api, mode):
    """What claude sent: the user's own things, the built-in text, and the lines that only this run knows."""
    body, context = api.wait_requests()[-1], api.last_context()
    assert_eq(body["model"], "claude-haiku-4-5-20251001", "model, from the shared settings")
    for part in ("MARKER-MEMORY", "MARKER-STYLE", "MARKER-COMMAND to World", "throw-away virtual machine",
                 "Project mode: " + mode, "Every edit below %s lands" % ctx.workspace if mode == "LIVE" else ctx.workspace,
                 "Conversation history is discarded", "Network: open"):
        assert_in(part, context, "what claude told the model")
    assert_not_in("Project mode: " + ("OVERLAY" if mode == "LIVE" else "LIVE"), context, "what claude told the model")


@test(timeout=500)
def test_claude_uses_what_is_shared(ctx):
    write_marked(ctx)
    before = {n: procs.read(os.path.join(ctx.home, n)) for n in MARKED}
    api = Api(ctx, [{"match": "MARKER-COMMAND", "text": "hello from the script"}])
    g = GuestShell(ctx, env=api.env(guest=True))
    assert_eq(g.do("claude -p '/greet World'", 180), "hello from the script", "claude's answer")
    check_context(ctx, api, "LIVE")
    # claude writes its own record and settings, in the guest alone
    g.do("claude mcp add --scope user added -- true", 120)
    assert_in('"added"', g.do("cat ~/.claude.json"), "claude's record after claude wrote it")
    g.do("mkdir -p market/.claude-plugin && echo '{\"name\": \"market\", \"owner\": {\"name\": \"x\"}, \"plugins\": []}' "
         ">market/.claude-plugin/marketplace.json && claude plugin marketplace add ./market", 120)
    settings = json.loads(g.do("cat ~/.claude/settings.json"))
    assert_eq((settings["model"], "market" in json.dumps(settings)), ("claude-haiku-4-5-20251001", True),
              "settings after claude wrote them: %s" % show(settings))
    g.end(0)
    assert_eq({n: procs.read(os.path.join(ctx.home, n)) for n in MARKED}, before, "the same files on the host")
    assert_nothing_left(ctx)


@test(timeout=400)
def test_context_of_overlay_mode(ctx):
    write_marked(ctx)
    api = Api(ctx, [{"match": "MARKER-COMMAND", "text": "hello"}])
    code, out, err = ctx.ccvm("--read-only-cwd", "-p", "/greet World", env=api.env(guest=True), timeout=240)
    assert_eq((code, out, err), (0, b"hello\n", b""), "code, stdout, stderr")
    check_context(ctx, api, "OVERLAY")
    assert_nothing_left(ctx)


@test(timeout=400)
def test_history_persists_when_asked(ctx):
    """The real claude's transcript lands in the host's ~/.claude/projects, owned by the user; nothing else does. Of other projects
    the guest sees nothing."""
    ctx.write(os.path.join(ctx.home, ".claude/projects/old/x.jsonl"), "{}\n")
    code, out, err = ctx.ccvm("--shell", "-c", "cd ~/.claude/projects && find . -type f; touch old 2>/dev/null && ls", env={"CCVM_PERSIST_PROJECTS": "1"}, timeout=240)
    assert_eq((code, out.decode().split()), (0, [re.sub(r"[^a-zA-Z0-9]", "-", ctx.workspace), "old"]), "projects in the guest (stderr: %s)" % show(err))
    api = Api(ctx, [{"text": "TRANSCRIBED-ANSWER"}])
    code, out, err = ctx.ccvm("-p", "what is kept?", env={**api.env(guest=True), "CCVM_PERSIST_PROJECTS": "1"}, timeout=240)
    assert_eq((code, out, err), (0, b"TRANSCRIBED-ANSWER\n", b""), "code, stdout, stderr")
    assert_in("Conversation history persists", api.last_context(), "what claude told the model")
    assert_eq(sorted(os.listdir(os.path.join(ctx.home, ".claude"))), ["projects"], "~/.claude on the host")
    name = re.sub(r"[^a-zA-Z0-9]", "-", ctx.workspace)
    found = find_in_tree(b"TRANSCRIBED-ANSWER", ctx.home)
    assert_eq({os.path.dirname(p) for p in found}, {os.path.join(ctx.home, ".claude/projects", name)}, "where the answer is kept")
    st = os.stat(found[0])
    assert_eq((st.st_uid, st.st_gid, stat.S_ISREG(st.st_mode)), (ctx.uid, ctx.gid, True), "owner of the transcript")
    assert_nothing_left(ctx)


# -- the shell --------------------------------------------------------------------------------------------------------

@test(timeout=300)
def test_shell_in_a_terminal(ctx):
    """A login zsh with the user's directory in its prompt, colours, completion, and an end like any shell's."""
    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm"), "--shell"], cols=110, rows=24)
    prompt = "ccvm %s %%" % re.escape(ctx.workspace)
    t.wait_for("^%s" % prompt, 180)
    assert_match(r"\x1b\[[0-9;]*m", t.screen(attributes=True), "colours in the prompt")
    t.send("[[ -o login && -o interactive ]] && echo $0 $SHELL $((6 * 7)) $COLUMNS; false")
    t.keys("Enter")
    t.wait_for(r"^-zsh /bin/zsh 42 110$")
    t.wait_for("^ccvm %s 1 %%" % re.escape(ctx.workspace))
    t.send("touch completed-by-tab")
    t.keys("Enter")
    t.wait(lambda: os.path.exists(os.path.join(ctx.workspace, "completed-by-tab")), 30, "the shell's file on the host")
    t.wait_for(r"touch completed-by-tab *\n%s *$" % prompt)  # a Tab that comes before it is a character
    t.send("ls compl")
    t.keys("Tab")
    t.wait_for(r"ls completed-by-tab")
    t.keys("Enter")
    t.wait_for(r"^completed-by-tab$")
    t.resize(90, 20)
    t.send("echo width $COLUMNS")
    t.keys("Enter")
    t.wait_for(r"^width 90$")
    t.send("exit 7")
    t.keys("Enter")
    assert_eq(t.exit_code(60), 7, "exit code")
    assert_nothing_left(ctx)


# -- memory that is never swapped -------------------------------------------------------------------------------------

LOCKED = {"CCVM_MLOCK": "1", "CCVM_MEMORY": "768", "CCVM_CORES": "1"}


def locked_memory(pid):
    """KiB that the QEMU below the process has locked."""
    [qemu] = [p.pid for p in descendants(pid) if "qemu" in p.name]
    status = (procs.read("/proc/%d/status" % qemu) or b"").decode()
    return int(re.search(r"VmLck:\s*(\d+) kB", status)[1])


@test(timeout=300)
def test_locked_memory(ctx):
    """The soft limit is small, as it is for users; the hard one is what counts."""
    have = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (8 << 20, 4 << 30))
    except ValueError:
        raise Skip("RLIMIT_MEMLOCK's hard limit is %d bytes and cannot be raised here" % have) from None
    proc = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo up; read x; exit 3"], stdin=None, env=LOCKED)
    proc.wait_for(b"up\n", 200)
    locked = locked_memory(proc.pid)
    assert_true(locked >= 768 << 10, "QEMU's locked memory, in KiB: %d" % locked)
    proc.send(b"\n")
    assert_eq(proc.wait(60), 3, "exit code (stderr: %s)" % show(proc.err))
    assert_nothing_left(ctx)


@test(timeout=300)
def test_locked_memory_of_root(ctx):
    """With CAP_IPC_LOCK, as in a container, the limit does not count."""
    if os.getuid() != 0:
        raise Skip("needs root")
    runtime, project = os.path.join(ctx.private, "run"), os.path.join(ctx.private, "project")
    os.mkdir(runtime, 0o700)
    os.mkdir(project)
    env = {**ctx.env(LOCKED), "CCVM_ALLOW_ROOT": "1", "XDG_RUNTIME_DIR": runtime}
    with subprocess.Popen([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo up; read x; exit 3"], env=env, cwd=project,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as proc:
        ctx.on_close(lambda: proc.poll() is None and proc.kill())
        assert_eq(proc.stdout.readline(), b"up\n", "the shell's first line")
        locked = locked_memory(proc.pid)
        assert_true(locked >= 768 << 10, "QEMU's locked memory, in KiB: %d" % locked)
        proc.communicate(b"\n", timeout=60)
    assert_eq(proc.returncode, 3, "exit code")
    assert_eq(os.listdir(os.path.join(runtime, "ccvm")), [], "session directories left")

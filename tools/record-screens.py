#!/usr/bin/env python3
"""Records what the real claude shows in each of the states that ccvm tells apart, for tests/unit/attention_test.c.

  tools/record-screens.py CLAUDE tests/screen/claude [SCENE[@COLSxROWS]]...

CLAUDE is the program of an image (usr/local/lib/claude-code/claude in its squashfs). It runs on this machine, in a private
tmux, with a home directory of its own, against the scripted API server on loopback and nothing else. Each scene becomes
one file a size, STATE-WHAT@COLSxROWS.txt: the terminal's title, an empty line, the screen as it is (claude ends its
input mark with a no-break space, which tells it from other arrows). After a new pin of Claude Code: record, look at the
difference, and fix the rules of src/session/attention.c where the test fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(REPO, "tests", "lib"))

import claude_home  # noqa: E402

KEY = "test-key-0123456789abcdefghij"
DEADLINE = 60
SIZES = ((40, 12), (80, 24), (100, 30), (132, 43), (200, 60))
HOOKS = ("SessionStart", "UserPromptSubmit", "PermissionRequest", "Notification", "PreToolUse", "PostToolUse", "Stop",
         "StopFailure", "SessionEnd")


class Recorder:
    def __init__(self, claude, out):
        self.claude, self.out = os.path.abspath(claude), os.path.abspath(out)
        self.dir = tempfile.mkdtemp(prefix="ccvm-record-")
        self.sock = os.path.join(self.dir, "tmux")
        self.cols, self.rows = SIZES[0]
        self.rules = os.path.join(self.dir, "rules")
        self.set_rules([])
        self.api = subprocess.Popen([os.path.join(REPO, "tools/apiserver/apiserver.py"), "--rules", self.rules, "--log",
                                     os.path.join(self.dir, "log")], stdout=subprocess.PIPE)
        self.port = int(self.api.stdout.readline().decode().rsplit(":", 1)[1])

    def set_rules(self, rules):
        with open(self.rules + ".new", "w", encoding="utf-8") as f:
            json.dump(rules, f)
        os.rename(self.rules + ".new", self.rules)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.sock, "-f", "/dev/null", *args], check=True, stdout=subprocess.PIPE).stdout.decode()

    def start(self, *args, config=True, trusted=True, rules=()):
        """A fresh home and project, and claude in them."""
        self.set_rules(list(rules))
        home, work = os.path.join(self.dir, "home"), os.path.join(self.dir, "project")
        for d in (home, work):
            while os.path.exists(d):  # the claude before may still write there
                shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
        hooks = {h: [{"hooks": [{"type": "command", "command": "echo %s $(date +%%s.%%N) >>%s/hooks" % (h, self.dir)}]}] for h in HOOKS}
        os.makedirs(os.path.join(home, ".claude"))
        if config:
            data = claude_home.config(work, KEY)
            if not trusted:
                data["projects"] = {}
            with open(os.path.join(home, ".claude.json"), "w", encoding="utf-8") as f:
                json.dump(data, f)
        with open(os.path.join(home, ".claude", "settings.json"), "w", encoding="utf-8") as f:
            json.dump({"permissions": {"defaultMode": "default"}, "hooks": hooks}, f)
        env = ["HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TERM=tmux-256color", "COLORTERM=truecolor",
               "ANTHROPIC_BASE_URL=http://127.0.0.1:%d" % self.port, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
               "DISABLE_TELEMETRY=1", "DISABLE_AUTOUPDATER=1", "SHELL=/bin/sh"]
        if config:
            env.append("ANTHROPIC_API_KEY=" + KEY)
        self.tmux("start-server", ";", "set", "-g", "remain-on-exit", "on", ";", "set", "-g", "status", "off", ";", "set", "-g", "escape-time",
                  "0", ";", "set", "-g", "default-terminal", "tmux-256color", ";", "new-session", "-d", "-x", str(self.cols), "-y", str(self.rows), "-c", work,
                  "/usr/bin/env", "-i", *env, self.claude, *args)
        self.note("start")

    def note(self, text):
        with open(os.path.join(self.dir, "hooks"), "a", encoding="utf-8") as f:
            f.write("-- %s %.3f title=%r\n" % (text, time.time(), self.title()))

    def stop(self):
        self.tmux("kill-server")
        time.sleep(0.3)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def title(self):
        """tmux takes a graphics query (APC) for a title; that is none."""
        text = self.tmux("display-message", "-p", "#{pane_title}").rstrip("\n")
        return "" if text.startswith("Gi=") else text

    def wait(self, pattern, title=None):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if re.search(pattern, self.screen(), re.M) and (title is None or re.search(title, self.title())):
                return
            time.sleep(0.1)
        raise SystemExit("no %r (title %r) on the screen:\n%s\n%s" % (pattern, title, self.title(), self.screen()))

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)
        time.sleep(0.3)

    def paste(self, text):
        self.tmux("set-buffer", "--", text, ";", "paste-buffer", "-p")
        time.sleep(0.3)

    def resize(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))
        time.sleep(1)

    def key(self, *names):
        self.tmux("send-keys", "--", *names)

    def save(self, scene):
        time.sleep(0.7)  # claude paints in several steps
        self.note(scene)
        text = self.screen().replace(self.dir, "/home/user")
        with open(os.path.join(self.out, "%s@%dx%d.txt" % (scene, self.cols, self.rows)), "w", encoding="utf-8") as f:
            f.write(self.title() + "\n\n" + "\n".join(line.rstrip(" ") for line in text.split("\n")).rstrip("\n") + "\n")
        print("recorded", scene, flush=True)

    def ask(self, text):
        self.wait("^❯")
        self.type(text)
        self.key("Enter")


def permission(r):
    write = {"name": "Write", "input": {"file_path": os.path.join(r.dir, "project", "made.txt"), "content": "x\n"}}
    r.start(rules=[{"match": "make", "tool": write, "then": "FILE-MADE"}])
    r.wait("^❯")
    r.save("idle-fresh")
    r.ask("make a file")
    r.wait(r"Do you\s+want to\s+create")
    r.save("waiting-permission")
    r.key("Enter")
    r.wait("FILE-MADE", "^✳")
    r.save("idle-after-answer")
    r.type("half a question")
    r.save("idle-typing")
    r.key("C-u")
    r.type("/help")
    r.key("Enter")
    r.wait("(?i)commands")
    r.save("panel-help")
    r.stop()


def command(r):
    run = {"name": "Bash", "input": {"command": "for i in $(seq 1 600); do echo line $i; sleep 0.2; done", "description": "Count"}}
    r.start("--allowedTools", "Bash", rules=[{"match": "count", "tool": run, "then": "COUNTED"}, {"match": "think", "text": "NEVER", "delay": 600}])
    r.ask("please count")
    r.wait("Counting")
    time.sleep(3)
    r.save("working-long-tool")
    r.key("Escape")
    r.wait("Interrupted|interrupted")
    r.save("idle-interrupted")
    r.stop()


def ask_command(r):
    run = {"name": "Bash", "input": {"command": "rm -rf build && touch x", "description": "Clean"}}
    r.start(rules=[{"match": "clean", "tool": run, "then": "CLEANED"}])
    r.ask("clean up")
    r.wait(r"Do you\s+want to")
    r.save("waiting-permission-bash")
    r.stop()


def working(r):
    r.start(rules=[{"match": "think", "text": "NEVER", "delay": 600}])
    r.ask("think hard")
    r.wait("❯.think hard")
    time.sleep(2)
    r.save("working-thinking")
    r.stop()


def plan(r):
    r.start("--permission-mode", "plan", rules=[{"match": "plan", "tool": {"name": "ExitPlanMode", "input": {"plan": "1. Look\n2. Change\n3. Test"}}, "then": "PLANNED"}])
    r.ask("plan a change")
    r.wait(r"Exit\s+plan\s+mode|proceed")
    r.save("waiting-plan")
    r.stop()


def question(r):
    asked = {"questions": [{"question": "Which database?", "header": "Database", "multiSelect": False,
                            "options": [{"label": "SQLite", "description": "a file"}, {"label": "Postgres", "description": "a server"}]}]}
    r.start(rules=[{"match": "choose", "tool": {"name": "AskUserQuestion", "input": asked}, "then": "CHOSEN"}])
    r.ask("choose for me")
    r.wait(r"Which\s+database")
    r.save("waiting-question")
    r.stop()


def error(r):
    r.start(rules=[{"match": "fail", "status": 400, "message": "the request was refused"}])
    r.ask("fail now")
    r.wait(r"refused", "^✳")
    r.save("idle-api-error")
    r.stop()


def trust(r):
    r.start(trusted=False)
    r.wait("(?i)trust")
    r.save("waiting-trust")
    r.stop()


def login(r):
    r.start(rules=[{"match": "fail", "status": 401, "message": "invalid x-api-key"}])
    r.ask("/login")
    r.wait(r"(?i)select\s+login\s+method|subscription")
    r.save("waiting-login")
    r.stop()


QUOTED = "Do you want to create made.txt?\n ❯ 1. Yes\n   2. Yes, allow all edits\n   3. No\n\n Esc to cancel · Tab to amend"


def quotes(r):
    """A conversation and a draft that quote a question ask nothing."""
    r.start(rules=[{"match": "quote", "text": "It asked:\n\n```\n%s\n```\n" % QUOTED}, {"match": "think", "text": "NEVER", "delay": 600}])
    r.ask("quote the question")
    r.wait("Esc to cancel", "^✳")
    r.save("idle-quoted-by-claude")
    r.paste(QUOTED)
    r.save("idle-quoted-in-draft")
    r.key("C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u", "C-u")
    time.sleep(0.5)
    r.type("think about it")
    r.key("Enter")
    r.wait("❯.think about it")
    time.sleep(2)
    r.save("working-quoted-above")
    r.paste("1. buy milk\n2. and bread")
    r.save("working-list-in-draft")
    r.key("Enter")
    time.sleep(1)
    r.save("working-prompt-queued")
    r.stop()


def numbered(r):
    """A prompt that is a numbered list, a permission given, and the run of the second step."""
    run = {"name": "Bash", "input": {"command": "touch x; for i in $(seq 1 60); do sleep 1; done", "description": "Wait"}}
    r.start(rules=[{"match": "sleep", "tool": run, "then": "SLEPT"}])
    r.wait("^❯")
    r.paste("1. create made.txt\n2. run sleep 60")
    r.save("idle-list-in-draft")
    r.key("Enter")
    r.wait(r"Do you\s+want to")
    r.save("waiting-list-asked")
    r.key("Enter")
    time.sleep(4)
    r.save("working-list-asked")
    r.key("Escape")
    r.wait("Interrupted|interrupted")
    r.save("idle-list-interrupted")
    r.stop()


def drafts(r):
    r.start()
    r.wait("^❯")
    r.type("/")
    time.sleep(0.5)
    r.save("idle-menu-of-commands")
    r.key("C-u")
    r.type("!ls")
    r.save("idle-shell-draft")
    r.key("C-u", "BSpace")
    r.type("@")
    time.sleep(0.5)
    r.save("idle-menu-of-files")
    r.key("C-u")
    r.key("BTab")
    time.sleep(0.5)
    r.save("idle-accept-edits")
    r.stop()


def resized(r):
    """claude paints again for another size; what it leaves of the old screen asks nothing."""
    write = {"name": "Write", "input": {"file_path": os.path.join(r.dir, "project", "made.txt"), "content": "x\n"}}
    r.start(rules=[{"match": "make", "tool": write, "then": "FILE-MADE"}])
    r.ask("make a file")
    r.wait(r"Do you\s+want to\s+create")
    cols, rows = r.cols, r.rows
    r.resize(cols // 2 + 10, rows)
    r.save("waiting-narrower")
    r.resize(cols + 20, rows + 5)
    r.resize(cols, rows)
    r.save("waiting-resized")
    r.key("Enter")
    r.wait("FILE-MADE", "^✳")
    r.resize(cols // 2 + 10, rows)
    r.save("idle-narrower")
    r.resize(cols + 20, rows + 5)
    r.resize(cols, rows)
    r.save("idle-resized")
    r.stop()


def several(r):
    """More than one answer may be chosen, and answers without a description."""
    asked = {"questions": [{"question": "Which parts?", "header": "Parts", "multiSelect": True,
                            "options": [{"label": "Client", "description": "one"}, {"label": "Server", "description": "two"}]},
                           {"question": "Which colour?", "header": "Colour", "multiSelect": False,
                            "options": [{"label": "Red", "description": "r"}, {"label": "Blue", "description": "b"}]}]}
    r.start(rules=[{"match": "choose", "tool": {"name": "AskUserQuestion", "input": asked}, "then": "CHOSEN"}])
    r.ask("choose for me")
    r.wait(r"Which\s+parts")
    r.save("waiting-question-several")
    r.key("Down")
    time.sleep(0.3)
    r.save("waiting-question-second-answer")
    r.stop()


def settings(r):
    """Panels of claude's own: they wait for the user like a question does, but nothing is held up."""
    r.start()
    r.ask("/model")
    time.sleep(1.5)
    r.save("panel-model")
    r.key("Escape")
    time.sleep(0.5)
    r.ask("/config")
    time.sleep(1.5)
    r.save("panel-config")
    r.stop()


SCENES = (permission, ask_command, command, working, plan, question, error, trust, login, quotes, numbered, drafts, resized, several, settings)


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    r = Recorder(sys.argv[1], sys.argv[2])
    try:
        for scene in SCENES:
            for size in SIZES:
                names = ("%s@%dx%d" % (scene.__name__, *size), scene.__name__)
                if len(sys.argv) == 3 or set(names) & set(sys.argv[3:]):
                    r.cols, r.rows = size
                    scene(r)
    finally:
        subprocess.run(["tmux", "-S", r.sock, "kill-server"], stderr=subprocess.DEVNULL, check=False)
        r.api.terminate()
        print(open(os.path.join(r.dir, "hooks"), encoding="utf-8").read() if os.environ.get("RECORD_HOOKS") else "", end="")
        shutil.rmtree(r.dir, ignore_errors=True)


if __name__ == "__main__":
    main()

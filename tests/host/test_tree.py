"""The tree itself: who includes whom, links and commands of the documents."""

import glob
import importlib.util
import os
import re
import subprocess
import tomllib

from harness import assert_eq, assert_true, test

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

with open(os.path.join(REPO, "tests/rules.toml"), "rb") as rules:
    RULES = tomllib.load(rules)


def sources(*folders):
    return sorted(f for folder in folders for f in glob.glob(os.path.join(REPO, folder, "**/*.[ch]"), recursive=True))


def includes(path):
    with open(path, encoding="utf-8") as f:
        return re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', f.read(), re.M)


def allowed(area, header, may):
    folder = header.split("/")[0]
    return folder == area or any(folder == m or header == m for m in may)


@test()
def test_includes(ctx):
    wrong, seen = [], set()
    for path in sources("src", "guest"):
        name = os.path.relpath(path, REPO)
        parts = name.split("/")
        if parts[:2] == ["src", "cmd"]:
            continue  # the programs' main files, which tie their parts together
        area = parts[1]
        may = RULES["guest"]["may"] if parts[0] == "guest" else RULES["folders"].get(area)
        if may is None:
            wrong.append("%s: src/%s has no rule in tests/rules.toml" % (name, area))
            continue
        seen.add(area)
        wrong += ["%s includes %s" % (name, h) for mark, h in includes(path) if mark == '"' and not allowed(area, h, may)]
    assert_eq(wrong, [], "includes that no rule allows")
    assert_true({"base", "ui", "init"} <= seen, "few folders were looked at: %s" % seen)


def circle(graph):
    """A way through the graph that comes back to where it was, or None."""
    done = set()

    def visit(name, way):
        if name in way:
            return way[way.index(name):] + [name]
        if name in done:
            return None
        done.add(name)
        return next(filter(None, (visit(n, way + [name]) for n in sorted(graph.get(name, ())))), None)
    return next(filter(None, (visit(name, []) for name in sorted(graph))), None)


def modules(area):
    """Of each module of a folder, a header with its file, the others that it includes."""
    graph = {}
    for path in sources("src/" + area):
        stem = os.path.splitext(os.path.relpath(path, os.path.join(REPO, "src")))[0]
        near = {h[:-2] for mark, h in includes(path) if mark == '"' and h.startswith(area + "/")}
        graph.setdefault(stem, set()).update(near - {stem})
    return graph


@test()
def test_no_circles(ctx):
    """A header and its source file count as one module; no includes form a cycle."""
    assert_eq(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}), ["b", "c", "b"], "a circle that is there")
    for area in RULES["acyclic"]["folders"]:
        graph = modules(area)
        assert_true(graph, "src/%s is empty" % area)
        assert_eq(circle(graph), None, "a circle of includes in src/" + area)


@test()
def test_components(ctx):
    """Components of a folder meet only where they are wired."""
    for area, rule in RULES["wiring"].items():
        graph = modules(area)
        wiring, shared = ({area + "/" + f for f in rule[kind]} for kind in ("files", "helpers"))
        assert_true(wiring | shared <= set(graph), "src/%s has no %s" % (area, (wiring | shared) - set(graph)))
        wrong = {m: sorted(near - shared) for m, near in graph.items() if m not in wiring and near - shared}
        assert_eq(wrong, {}, "components of src/%s that include others" % area)


@test()
def test_libraries(ctx):
    wrong, seen = [], set()
    for path in sources("src", "guest"):
        name = os.path.relpath(path, REPO)
        for mark, header in includes(path):
            for library, places in RULES["libraries"].items():
                if mark == "<" and (header == library or library.endswith("/") and header.startswith(library)):
                    seen.add(library)
                    wrong += [] if any(name.startswith(p) for p in places) else ["%s includes <%s>" % (name, header)]
    assert_eq(wrong, [], "libraries outside of their places")
    assert_true({"libssh/", "vterm.h", "uv.h", "ares.h"} <= seen, "few libraries were seen: %s" % seen)


def environment_readers(text):
    """Uses of this process's environment, outside of comments."""
    return re.findall(r"\b(?:secure_)?getenv\(|\benviron\b", re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S))


@test()
def test_environment(ctx):
    """One table says what is read of the environment; test hooks are in it, and in no program of a user."""
    assert_eq(environment_readers("/* getenv(x) */ char *a = getenv(n); secure_getenv(n); e = environ;"), ["getenv(", "secure_getenv(", "environ"], "what is found")
    found = {os.path.relpath(path, REPO): environment_readers(read(path)) for path in sources("src")}
    places = RULES["environment"]["places"]
    assert_eq({f: hits for f, hits in found.items() if hits and not any(f.startswith(p) for p in places)}, {}, "the environment is read in")
    assert_eq([p for p in places if not any(hits for f, hits in found.items() if f.startswith(p))], [], "places that do not read it")
    asking = [os.path.relpath(path, REPO) for path in sources("src") if ("\"", "conf/env.h") in includes(path)]
    askers = RULES["environment"]["askers"]
    assert_eq([f for f in asking if not any(f.startswith(p) for p in askers)], [], "files that ask for the environment")
    assert_eq([p for p in askers if not any(f.startswith(p) for f in asking)], [], "askers that do not")
    hooks = {os.path.relpath(path, REPO) for path in sources("src", "guest") if "CCVM_TEST_" in read(path)}
    assert_eq(hooks, {"src/conf/env.c", "src/proto/hostenv.c"}, "files with hooks for tests")
    for program in glob.glob(os.path.join(REPO, "build/bin/*")) + glob.glob(os.path.join(REPO, "build/libexec/ccvm/*")):
        with open(program, "rb") as f:
            assert_true(b"CCVM_TEST_" not in f.read(), program + " has hooks for tests")


@test()
def test_one_loop(ctx):
    """libuv's names and the header that lets them through stay in src/loop."""
    wrong, seen = [], 0
    for path in sources("src", "tests"):
        name = os.path.relpath(path, REPO)
        hits = re.findall(r"\buv_\w+|loop/handle\.h", read(path))
        seen += len(hits)
        wrong += [] if name.startswith("src/loop/") else ["%s: %s" % (name, h) for h in hits]
    assert_eq(wrong, [], "uses of libuv outside of src/loop")
    assert_true(seen > 20, "uses of libuv: %d" % seen)


@test()
def test_programs(ctx):
    """Each host program has its process in the rules, with the folders that make links whole."""
    linked = {name: folders.split() for name, folders in re.findall(r"^([\w-]+)_LIBS := (.*)$", read(os.path.join(REPO, "mk/programs.mk")), re.M)}
    ruled = {p["name"]: p["folders"] for p in RULES["process"] if "folders" in p}
    assert_eq(ruled, linked, "programs in tests/rules.toml and mk/programs.mk")
    wrong = [n for n, folders in ruled.items() for f in folders if not all(m in folders or "/" in m for m in RULES["folders"][f])]
    # What ccvm-clip takes of src/clip needs no loop.
    assert_eq(sorted(set(wrong) - {"ccvm-clip"}), [], "programs that link a folder without what it includes")


def script(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(REPO, "tools", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@test()
def test_architecture(ctx):
    """ARCHITECTURE.md and its picture are what tools/architecture.py makes of the rules; each folder and process has its row."""
    made = script("architecture")
    page = read(made.PAGE)
    assert_eq(page, made.with_tables(page, RULES), "ARCHITECTURE.md (tools/architecture.py writes its tables)")
    assert_eq(read(made.PICTURE), made.picture(RULES), "docs/images/processes.svg (tools/architecture.py draws it)")
    assert_eq(sorted(m[1] for m in made.MARKS.findall(page)), sorted(made.TABLES), "tables of ARCHITECTURE.md")
    folders = sorted(os.path.basename(os.path.dirname(f)) for f in glob.glob(os.path.join(REPO, "src/*/")))
    assert_eq(folders, sorted([*RULES["folders"], "cmd"]), "folders of src/ and their rules")
    assert_eq(sorted([*RULES["first"], "cmd"]), folders, "folders and the files to open first")
    assert_eq([f for f, _ in RULES["first"].values() if not os.path.exists(os.path.join(REPO, "src", f))], [], "files to open first that do not exist")


# -- documents ---------------------------------------------------------------------------------------------------------

def documents():
    return sorted(glob.glob(os.path.join(REPO, "*.md")) + glob.glob(os.path.join(REPO, "docs/**/*.md"), recursive=True))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def anchors(text):
    """Of its headings, as the usual viewers make them."""
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in re.findall(r"^#+ +(.*)$", text, re.M)}


@test()
def test_links(ctx):
    """Links to files and headings, and every path of the tree that a document names."""
    wrong, links, paths = [], 0, 0
    for document in documents() + glob.glob(os.path.join(REPO, "bench/results/*.md")):
        text, name = read(document), os.path.relpath(document, REPO)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            links += 1
            path, _, anchor = target.partition("#")
            path = os.path.join(os.path.dirname(document), path) if path else document
            if not os.path.exists(path):
                wrong.append("%s: %s does not exist" % (name, target))
            elif anchor and anchor not in anchors(read(path)):
                wrong.append("%s: %s has no such heading" % (name, target))
        for path in re.findall(r"`((?:src|guest|tests|mk|tools|nix|docs|man|debian)/[\w./-]*)`", text):
            paths += 1
            if not os.path.exists(os.path.join(REPO, path)):
                wrong.append("%s: `%s` does not exist" % (name, path))
    assert_eq(wrong, [], "links of the documents")
    assert_true(links > 15 and paths > 40, "few links (%d) or paths (%d) were found" % (links, paths))


PARTS = ["Context.", "Decision.", "Consequences.", "Held by"]


@test()
def test_decisions(ctx):
    """Of one form, in the index, and held by tests that are there."""
    wrong, files = [], sorted(glob.glob(os.path.join(REPO, "docs/decisions/[0-9]*.md")))
    for number, path in enumerate(files, 1):
        text, name = read(path), os.path.basename(path)
        title = re.match(r"# (\d+)\. (.*)\n", text)
        parts = re.findall(r"^\*\*([A-Z][a-z. ]+)\*\*", text, re.M)
        held = text.split("**Held by**")[-1]
        tests = "".join(read(os.path.join(REPO, f)) for f in re.findall(r"`(tests/[\w./]+)`", held))
        if not title or int(title[1]) != number or not name.startswith("%04d-" % number):
            wrong.append("%s: not number %d" % (name, number))
        elif "- %s [%s](%s)" % (title[1], title[2], name) not in read(os.path.join(REPO, "docs/decisions/README.md")):
            wrong.append("%s: not in docs/decisions/README.md under its title" % name)
        if [p for p in parts if p != "Not taken."] != PARTS:
            wrong.append("%s: its parts are %s" % (name, parts))
        wrong += ["%s: %s does not exist there" % (name, t) for t in re.findall(r"`(test_\w+)`", held) if not re.search(r"\b%s\b" % t, tests)]
        wrong += ["%s names no test" % name] if not tests else []
    assert_eq(wrong, [], "decisions")
    assert_true(len(files) > 80, "few decisions were found: %d" % len(files))


# Commands of the documents' code blocks, by how they begin: the test that runs them, or why none does.
COMMANDS = {
    "make run": ".ci/run", "make check": ".ci/run", "make unit": "the same programs as make check's",
    "make install": "host.install", "make uninstall": "host.install", "make clean": "not run: it would remove what is tested",
    "make pin": "not run: it asks npm for a newer version", "make bench": "not run: it takes long and measures", "make fuzz-": "not run: it needs time",
    "make": "everything", "cd ": "a directory", "mk/fresh.sh": "not run: makes whole Debian roots; by hand (docs/developing.md)",
    "tests/run.py": "itself", "mk/deps.sh": "make check", "guest/image/build.sh": "host.image", "guest/image/update-pin.sh": "not run: see make pin",
    "jq ": "another program", "unsquashfs ": "another program", "cpio ": "another program", "tools/readme_options.py": "host.test_names",
    "build/bin/ccvmctl config table": "host.test_names",
    "ccvm --shell": "boot.test_scripted", "ccvm -p": "boot.test_agent", "ccvm --ccvm-debug": "host.test_dryrun", "ccvm-tui": "boot.test_tui",
    "CCVM_EVENTS=": "boot.test_scripted", "CCVM_DRYRUN=1": "host.test_dryrun", "CCVM_EGRESS_ALLOWLIST=": "boot.test_egress", "ccvm ": "boot.test_agent", "ccvm": "boot.test_agent",
}
# Of each command of ccvmctl, the test that runs it.
CTL = {
    "ls": "boot.test_readme", "new": "boot.test_readme", "attach": "boot.test_tui", "send": "boot.test_tui", "keys": "boot.test_tui",
    "capture": "boot.test_tui", "wait": "boot.test_tui", "events": "boot.test_tui", "logs": "boot.test_readme", "rename": "boot.test_tui", "restart": "host.test_tui",
    "stop": "boot.test_readme", "rm": "host.test_dryrun", "egress": "boot.test_egress", "image": "boot.test_template", "doctor": "host.test_doctor",
    "config": "host.test_names", "help": "host.test_ctl",
}


def code_lines(text):
    """The lines of code blocks, fenced or indented, without those of files (```json)."""
    fence = None
    for line in text.splitlines():
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
            fence = "text" if fence == "" else fence
        elif fence in ("text", "sh") or fence is None and line.startswith("    "):
            yield line


def commands(text):
    for line in code_lines(text):
        line = re.sub(r"\s+(#|  ).*", "", line.strip())
        if line and not re.match(r"[\w-]+: ", line):
            yield line


@test()
def test_commands(ctx):
    """Every command of a document is run by a test, or has its reason; the tests are there and run it."""
    wrong, count = [], 0
    for document in documents():
        for line in commands(read(document)):
            count += 1
            name = os.path.relpath(document, REPO)
            if line.startswith("ccvmctl "):
                if line.split()[1] not in CTL:
                    wrong.append("%s: %s: no test is named" % (name, line))
            elif not any(line.startswith(c) for c in COMMANDS):
                wrong.append("%s: %s: no test is named" % (name, line))
    assert_eq(wrong, [], "commands of the documents")
    assert_true(count > 40, "few commands were found: %d" % count)


@test()
def test_commands_are_run(ctx):
    """The tests that are named for ccvmctl's commands do name the command."""
    for command, place in CTL.items():
        text = "".join(read(f) for f in glob.glob(os.path.join(REPO, "tests", place.replace(".", "/") + ".py")))
        assert_true(re.search(r'"%s"' % command, text), "%s does not run ccvmctl %s" % (place, command))


@test()
def test_picture(ctx):
    """The README's picture is what tools/screenshot.py draws of the captured screen; what no screen holds is refused."""
    script = os.path.join(REPO, "tools/screenshot.py")
    drawn = subprocess.run([script, os.path.join(REPO, "docs/images/tui.ans")], capture_output=True, text=True, check=True).stdout
    assert_eq(drawn, read(os.path.join(REPO, "docs/images/tui.svg")), "docs/images/tui.svg")
    other = ctx.write(os.path.join(ctx.dir, "other.ans"), "a\x1b]0;title\x07b\n")
    assert_true(subprocess.run([script, other], capture_output=True, check=False).returncode != 0, "an OSC was accepted")


@test()
def test_debian_needs_what_make_needs(ctx):
    """debian/control and mk/deps.sh name the same libraries."""
    table = read(os.path.join(REPO, "mk/deps.sh"))
    wanted = set(re.findall(r"^build +(\S+) ", table, re.M)) - {"libc6-dev"}  # build-essential brings it
    control = read(os.path.join(REPO, "debian/control"))
    listed = set(re.findall(r"[\w.+-]+", re.search(r"^Build-Depends: (.*?)^\S", control, re.M | re.S)[1])) - {"debhelper-compat", "13"}
    assert_eq(sorted(listed), sorted(wanted), "Build-Depends and the build lines of mk/deps.sh")
    version = re.search(r"^## (\S+)", read(os.path.join(REPO, "CHANGELOG.md")), re.M)[1]
    assert_eq(re.match(r"ccvm \(([^)]+)\)", read(os.path.join(REPO, "debian/changelog")))[1], version, "version in debian/changelog")


@test()
def test_no_build_result_is_in_the_tree(ctx):
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", REPO, "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
    assert_eq([f for f in listed if re.match(r"build/|result|debian/(ccvm|files|\.debhelper)(/|$)|.*\.(o|deb)$", f)], [], "files that are made")


# -- messages ----------------------------------------------------------------------------------------------------------

@test()
def test_protocols(ctx):
    """docs/protocols is what the tables of src/proto say."""
    made = ctx.make_dir(os.path.join(ctx.dir, "protocols"), 0o777)
    subprocess.run([os.path.join(REPO, "build/tools/protocols"), made], check=True)
    names = sorted(os.listdir(made))
    assert_true({"client.md", "term.md", "view.md"} <= set(names), "pages: %s" % names)
    assert_eq(sorted(os.listdir(os.path.join(REPO, "docs/protocols"))), names, "pages of docs/protocols (make protocols)")
    for name in names:
        assert_eq(read(os.path.join(REPO, "docs/protocols", name)), read(os.path.join(made, name)), name + " (make protocols)")


@test()
def test_events_are_of_the_table(ctx):
    """Only src/proto/event.c writes an event's name; each row is told by somebody."""
    wrong = []
    for path in sources("src"):
        name, text = os.path.relpath(path, REPO), read(path)
        hits = re.findall(r'json_add_\w+\([^;]*?"event"|\{\\"event\\"', text)
        wrong += [] if name == "src/proto/event.c" else ["%s: %s" % (name, h) for h in hits]
    assert_eq(wrong, [], "events written by hand")
    rows = re.findall(r"^\t\[(EVENT_\w+)\] = ", read(os.path.join(REPO, "src/proto/event.c")), re.M)
    assert_true(len(rows) > 10, "few events: %s" % rows)
    told = set(re.findall(r"\.type = (EVENT_\w+)", "".join(read(p) for p in sources("src"))))
    assert_eq(sorted(told), sorted(rows), "events that somebody tells of, and rows of src/proto/event.c")


@test()
def test_seed_files(ctx):
    """Each file of the seed has its row."""
    macros = re.findall(r'^#define NAME_SEED_(\w+)\s+"([^"]+)"', read(os.path.join(REPO, "src/proto/names.h")), re.M)
    rows = re.findall(r"^\t\{NAME_SEED_(\w+),", read(os.path.join(REPO, "src/proto/seedfile.c")), re.M)
    assert_eq(sorted(rows), sorted(name for name, _ in macros), "files of the seed, and rows of src/proto/seedfile.c")
    assert_true(len(rows) > 20, "few files: %s" % rows)


@test()
def test_bytes_stay_in_proto(ctx):
    """Nobody else packs numbers into bytes, or knows at which offset a payload's field lies."""
    wrong, seen = [], 0
    for path in sources("src"):
        name = os.path.relpath(path, REPO)
        hits = re.findall(r"\bbytes_(?:get|put|set)_u\d+|\bpayload\[|\bf->payload \+|\bf\.payload \+", read(path))
        seen += len(hits)
        wrong += [] if name.startswith(("src/proto/", "src/base/")) else ["%s: %s" % (name, h) for h in hits]
    assert_eq(wrong, [], "bytes packed outside of src/proto")
    assert_true(seen > 10, "hits: %d" % seen)


@test()
def test_one_discriminator(ctx):
    """Lines between our processes say what they are in `type`; `event` is the name in what users read."""
    wrong, seen = [], 0
    for path in sources("src", "guest"):
        name, text = os.path.relpath(path, REPO), read(path)
        seen += len(re.findall(r'"type"|\\"type\\"', text))
        if name.startswith("src/seed/"):
            continue  # the words of git's configuration
        wrong += ["%s: %s" % (name, h) for h in re.findall(r'json_(?:add|get)_string\([^;]*?"(?:t|op|cmd|kind)"|\{\\"(?:t|op|cmd)\\"', text)]
    assert_eq(wrong, [], "other names for it")
    assert_true(seen > 5, "discriminators: %d" % seen)


@test()
def test_numbers_and_words(ctx):
    """base/number and base/text read them, strictly; nothing else does."""
    wrong = []
    for path in sources("src", "guest"):
        hits = re.findall(r"\b(?:atoi|atol|strto(?:l|ul|ll|ull|d|k|k_r))\(", read(path))
        wrong += ["%s: %s" % (os.path.relpath(path, REPO), h) for h in hits]
    assert_eq(wrong, [], "numbers and words read by hand")

#!/usr/bin/python3
"""pytest with this tree's tests, from any directory: tests/run.py [OPTION]... [FILE[::TEST]]...

  tests/run.py --only boot.test_scripted       tests whose name starts so; `*` and `?` work too
  tests/run.py --list                          print the names and run nothing
  tests/run.py tests/host/test_names.py -x     files, node ids and options as pytest has them

tests/conftest.py says what the names and options are; `--help` lists them. --only may be repeated;
FILEs are seen from the top of the tree.
"""

import os
import sys

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OPTIONS = ("--only", "--jobs", "--unit", "--fuzz")
DIRECTORIES = ("--unit", "--fuzz")


def joined(args):
    """The arguments, our options as one word with their values: pytest takes every word that is a
    path for tests, until it has read conftest.py. Directories are as seen from here."""
    rest, words = list(args), []
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if option in OPTIONS and not equals and rest:
            equals, value = "=", rest.pop(0)
        if equals and option in DIRECTORIES:
            value = os.path.abspath(value)
        words.append(option + equals + value)
    return words


if __name__ == "__main__":
    arguments = joined(sys.argv[1:])
    os.chdir(REPO)
    os.execv(sys.executable, [sys.executable, "-B", "-m", "pytest", *arguments])

"""Increments counters of an SQLite database for some seconds: sqlite.py DATABASE MODE SECONDS NAME [PAUSE]

Prints how many increments were committed, and how often the database was busy. A database that is malformed, or a
counter that is not what this process left there, ends it with an error.
"""

import sqlite3
import sys
import time

PAGES = 40  # that a transaction may touch: one row a page


def transact(db, name):
    row = db.execute("SELECT n FROM counters WHERE name = ?", (name,)).fetchone()[0]
    db.execute("UPDATE counters SET n = n + 1 WHERE name = ?", (name,))
    db.execute("UPDATE counters SET n = n + 1 WHERE name = 'all'")
    db.execute("UPDATE pages SET n = n + 1 WHERE id = ?", (row % PAGES,))
    return row


def main(path, mode, seconds, name, pause="0"):
    end = time.monotonic() + float(seconds)
    done = busy = 0
    db = None
    while time.monotonic() < end:
        try:
            if db is None:
                db = sqlite3.connect(path, timeout=0.05, isolation_level=None)
                if mode != "wal":
                    db.execute("PRAGMA journal_mode = %s" % mode)
                db.execute("PRAGMA synchronous = off")
                db.execute("PRAGMA cache_size = 10")
            db.execute("BEGIN IMMEDIATE")
            row = transact(db, name)
            if row != done:
                sys.exit("counter of %s is %d after %d increments" % (name, row, done))
            db.execute("COMMIT")
            done += 1
            time.sleep(float(pause))
            if mode == "wal" and done % 20 == 0:  # the other side's turn
                db.close()
                db = None
                time.sleep(0.02)
        except sqlite3.OperationalError as e:
            if "locked" not in str(e):
                raise
            busy += 1
            try:
                if db is not None and db.in_transaction:
                    db.execute("ROLLBACK")
            except sqlite3.OperationalError:
                pass
            if mode == "wal" and db is not None:
                db.close()
                db = None
    print(done, busy)


def make(path, mode, names):
    """A database with a counter for each name, one for all, and pages."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = %s" % mode)
    db.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER)")
    db.execute("CREATE TABLE pages (id INTEGER PRIMARY KEY, n INTEGER, filler TEXT)")
    db.executemany("INSERT INTO counters VALUES (?, 0)", [(n,) for n in (*names, "all")])
    db.executemany("INSERT INTO pages VALUES (?, 0, ?)", [(i, "x" * 3000) for i in range(PAGES)])
    db.close()


def judge(path, counts):
    """What is wrong with the database after the increments, or ''."""
    db = sqlite3.connect(path)
    found = dict(db.execute("SELECT name, n FROM counters"))
    pages = db.execute("SELECT sum(n) FROM pages").fetchone()[0]
    check = db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    total = sum(counts.values())
    if check != "ok" or found != {**counts, "all": total} or pages != total:
        return "%s: %s, pages %d, where %s were committed" % (check, found, pages, counts)
    return ""


if __name__ == "__main__":
    main(*sys.argv[1:])

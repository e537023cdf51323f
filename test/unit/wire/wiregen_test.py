# SPDX-License-Identifier: Apache-2.0
"""Schemas that are wrong, and what wiregen says about each and where.

The generator is loaded once and asked in this process; how a shell meets it, twice.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import sys
import tempfile

WIREGEN = sys.argv[1] if len(sys.argv) > 1 else "tool/wiregen"
sys.path.insert(0, str(pathlib.Path(WIREGEN).resolve().parent))
loader = importlib.machinery.SourceFileLoader("wiregen", WIREGEN)
wiregen = importlib.util.module_from_spec(importlib.util.spec_from_loader("wiregen", loader))
loader.exec_module(wiregen)
HEAD = "hop a b\ncredit a 1 b 1\n"
GOOD = "cast a -> b m { x u8 }\n"

# schema, then LINE:COLUMN: the beginning of the message
BAD = [
    ("", "1:1: 'hop' expected, not 'the end'"),
    ("hop a a", "1:5: the two ends need two names"),
    ("hop a c", "1:5: the file of this hop is called a_c.wire"),
    ("hop a B", "1:7: a role expected, not 'B'"),
    ("hop a b\n" + GOOD, "3:1: there is no line 'credit'"),
    (HEAD, "3:1: there is no message"),
    (HEAD + "credit a 1 b 1", "3:1: 'credit' stands once"),
    ("hop a b\ncredit a 1 a 2", "2:12: 'a' stands here twice"),
    ("hop a b\ncredit a 1 c 2", "2:12: 'c' is not an end of this hop (a and b are)"),
    ("hop a b\ncredit a 4097 b 1", "2:10: a count is 4097, not in 0..4096"),
    ("hop a b\ncredit a 1 b 1 window a 0 b 1", "2:25: a count is 0, not in 1..4096"),
    ("hop a b\ncredit a 1 b 0\ncall a -> b m {} -> {}", "3:13: b takes calls, but its credit is 0"),
    (HEAD + "nonsense", "3:1: 'nonsense' begins no declaration"),
    (HEAD + "cast a -> b m { x u8 !", "3:22: '!' means nothing here"),
    (HEAD + "cast a -> b m { x u8", "3:1: ',' or '}' expected"),
    (HEAD + "cast a -> b m { x u7 }", "3:19: there is no type 'u7' above this line"),
    (HEAD + "cast a -> b m { X u8 }", "3:17: a field expected, not 'X'"),
    (HEAD + "cast a -> b m { x u8 y u8 }", "3:22: ',' or '}' expected, not 'y'"),
    (HEAD + "cast a -> b m { x u8, x u8 }", "3:23: field 'x' stands here twice"),
    (HEAD + "cast a -> b m { x list<=2 of u8, x_count u8 }", "3:34: field 'x_count' stands here twice"),
    (HEAD + "cast a -> b m { has_x bool, x ?u8 }", "3:29: field 'has_x' stands here twice"),
    (HEAD + "cast a -> b m { x bytes }", "3:19: 'bytes' needs a limit: bytes<=N"),
    (HEAD + "cast a -> b m { x text<=0 }", "3:25: a limit is 0, not in 1..65520"),
    (HEAD + "cast a -> b m { x text<=65521 }", "3:25: a limit is 65521"),
    (HEAD + "cast a -> b m { x b65 }", "3:19: fixed bytes are b1 to b64"),
    (HEAD + "cast a -> b m { x b0 }", "3:19: fixed bytes are b1 to b64"),
    (HEAD + "cast a -> b m { x list<=2 of list<=2 of u8 }", "3:19: a list cannot hold list<=2 of u8"),
    (HEAD + "cast a -> b m { x list<=2 of fd }", "3:19: a list cannot hold fd"),
    (HEAD + "cast a -> b m { x list<=2 of ?u8 }", "3:19: a list cannot hold ?u8"),
    (HEAD + "cast a -> b m { x ?list<=2 of u8 }", "3:19: '?' cannot stand before"),
    (HEAD + "cast a -> b m { x ??u8 }", "3:19: '?' cannot stand before ?u8"),
    (HEAD + "cast a -> b m { x fd, y ?fd }", "3:13: a message carries at most one descriptor"),
    (HEAD + "struct s { x fd }", "3:1: a descriptor stands in a message, not in a struct"),
    (HEAD + "struct s {}", "3:1: a struct has at least one field"),
    (HEAD + "struct s { x ?b64 } cast a -> b m { y list<=2 of s }", "3:39: 's' can take"),
    (HEAD + "enum e {}", "3:1: an enum has 1 to 256 values"),
    (HEAD + "enum e { x x }", "3:12: value 'x' stands here twice"),
    (HEAD + "enum e { x } struct e { y u8 }", "3:21: 'e' is already the name of something in line 3"),
    (HEAD + "enum u8 { x }", "3:6: 'u8' is a type already"),
    (HEAD + "enum join_a { x }", "3:6: 'join_a' is already the name of something"),
    (HEAD + "call a -> b m {} -> {} cast a -> b m_reply {}", "3:36: 'm_reply' is already"),
    (HEAD + "cast a -> a m {}", "3:11: a message goes to the other end"),
    (HEAD + "cast a -> b int {}", "3:13: 'int' cannot name a message"),
    (HEAD + "cast a -> b m { int u8 }", "3:17: 'int' cannot name a field"),
    (HEAD + "call a -> b m lossy {} -> {}", "3:13: a call cannot be lossy"),
    (HEAD + "call a -> b m {}", "3:1: '->' expected, not 'the end'"),
    (HEAD + "states s s", "3:10: state 's' stands here twice"),
    (HEAD + "states s cast a -> b m {} in t", "3:30: there is no state 't'"),
    (HEAD + "states s cast a -> b m {} then t", "3:32: there is no state 't'"),
    (HEAD + GOOD + "states s", "4:1: 'states' stands once, before what needs it"),
]

GOOD_ONES = [HEAD + GOOD, HEAD + "cast a -> b m {} # nothing in it\n",
             HEAD + "cast a -> b m { x bytes<=65518 }", HEAD + "call b -> a in_x {} -> { y b64 }",
             HEAD + "states s t cast a -> b m {} in s t then s cast b -> a n {}"]


def run(folder, text):
    path = pathlib.Path(folder) / "a_b.wire"
    path.write_text(text)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = wiregen.run(["--c", folder, str(path)])
    return code, said.getvalue().replace(f"{path}:", "")


def hash_of(folder, text):
    assert run(folder, text)[0] == 0
    code = (pathlib.Path(folder) / "a_b.c").read_text()
    return code[code.index(".hash"):code.index(".credit")]


def cases(folder):
    for text, want in BAD:
        code, said = run(folder, text)
        yield f"refused: {want}", code == 1 and said.startswith(want), said
    for text in GOOD_ONES:
        code, said = run(folder, text)
        yield f"accepted: {text.splitlines()[-1]}", code == 0 and said == "", said
    first = hash_of(folder, HEAD + GOOD)
    yield "a comment leaves the hash", first == hash_of(folder, "# hi\n" + HEAD + GOOD), first
    yield "a limit changes it", first != hash_of(folder, HEAD + GOOD.replace("u8", "u16")), first
    yield "so does credit", first != hash_of(folder, HEAD.replace("b 1", "b 2") + GOOD), first
    done = subprocess.run([WIREGEN, "--doc", folder + "/a_b.wire"], capture_output=True, text=True)
    yield "the table names the message", "| a -> b **m** (cast) | x u8 |" in done.stdout, done.stdout
    (pathlib.Path(folder) / "a_b.wire").write_text("hop a B")
    done = subprocess.run([WIREGEN, "--doc", folder + "/a_b.wire"], capture_output=True, text=True)
    yield "a shell hears of it", done.returncode == 1 and "a_b.wire:1:7: a role expected" in done.stderr, done.stderr
    done = subprocess.run([WIREGEN], capture_output=True, text=True)
    yield "usage", done.returncode == 2 and "wiregen --c" in done.stderr, done.stderr


def main():
    failed = number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, ok, said) in enumerate(cases(folder), 1):
            print(f"{'ok' if ok else 'not ok'} {number} - {name}")
            if not ok:
                failed += 1
                print(f"# {said}")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""tool/*check must refuse what they are there to refuse.

Each test copies the tools into a small tree of its own, breaks one rule there,
and looks for the complaint.
"""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def tree(tmp_path):
    (tmp_path / 'tool').mkdir()
    for path in (ROOT / 'tool').iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path / 'tool')
    (tmp_path / 'src' / 'base').mkdir(parents=True)
    (tmp_path / 'src' / 'os').mkdir()
    (tmp_path / 'src' / 'DEPS').write_text(
        'base :\nos : base\n! unistd.h : os\n! uni*.h : base\n')
    return tmp_path


def run(tree, tool, *words):
    done = subprocess.run([tree / 'tool' / tool, *words], text=True, cwd=tree,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def refused(tree, tool, *words):
    code, text = run(tree, tool, *words)
    assert code == 1
    return text


def accepted(tree, tool, *words):
    code, text = run(tree, tool, *words)
    assert code == 0, text
    assert text.splitlines()[-1].startswith(f'{tool}: ok')


def write(tree, name, text):
    (tree / 'src' / name).write_text(text)


def test_includes_follow_the_arrows(tree):
    write(tree, 'os/a.c', '#include <unistd.h>\n#include "base/a.h"\n#include "os/a.h"\n')
    accepted(tree, 'depcheck')
    write(tree, 'base/a.c', '#include "os/a.h"\n')
    assert 'src/base/a.c:1: base may not include os' in refused(tree, 'depcheck')


@pytest.mark.parametrize('line, complaint', [
    ('#include <unistd.h>', '<unistd.h> is only for os'),
    ('# include  "a.h"', '"a.h" does not name its folder'),
])
def test_what_base_may_not_include(tree, line, complaint):
    write(tree, 'base/a.c', f'\n{line}\n')
    assert f'src/base/a.c:2: {complaint}' in refused(tree, 'depcheck')


def test_the_first_header_line_that_matches_counts(tree):
    write(tree, 'base/a.c', '#include <unicase.h>\n')
    accepted(tree, 'depcheck')
    write(tree, 'os/a.c', '#include <unicase.h>\n')
    assert 'is only for base' in refused(tree, 'depcheck')


def test_a_folder_has_a_line_and_arrows_point_up(tree):
    (tree / 'src' / 'new').mkdir()
    write(tree, 'new/a.c', '')
    assert 'src/new/a.c' in refused(tree, 'depcheck')
    (tree / 'src' / 'DEPS').write_text('base : os\nos :\n')
    assert 'os is not declared above' in refused(tree, 'depcheck')


@pytest.mark.parametrize('size, good', [(119, True), (120, True), (121, False)])
def test_the_size_of_a_function(tree, size, good):
    write(tree, 'base/a.c', 'void f(void)\n{\n' + '\n' * (size - 2) + '}\n')
    (accepted if good else refused)(tree, 'sizecheck')


@pytest.mark.parametrize('size, good', [(999, True), (1000, True), (1001, False)])
def test_the_size_of_a_file(tree, size, good):
    write(tree, 'base/a.c', '\n' * size)
    (accepted if good else refused)(tree, 'sizecheck')


def test_banned_calls_but_not_their_names(tree):
    write(tree, 'base/a.c', '/* strcpy(a) */ // atoi(x)\nconst char *s = "gets(x)";\n'
          'int my_atoi(int); int v = ops->system(1) + ops.system(2);\n')
    accepted(tree, 'bancheck')
    write(tree, 'base/a.c', '/* two\nlines */\nint v = atoi (s);\n')
    assert 'src/base/a.c:3: atoi is banned' in refused(tree, 'bancheck')


GLOBALS = '''
static const char *const table[] = {"a", "b"};
const char *at(int i); int bump(void); int *own(void);
const char *at(int i) { return table[i]; }
int bump(void) { %s }
int *own(void) { %s }
'''


@pytest.mark.parametrize('bump, own, name', [
    ('return 0;', 'return 0;', None),
    ('static int n; return ++n;', 'return 0;', 'n is writable'),
    ('static int n = 4; return ++n;', 'return 0;', 'n is writable'),
    ('return 0;', 'static _Thread_local int t; return &t;', 't is writable'),
])
def test_variables_that_change(tree, bump, own, name):
    build = tree / 'build' / 'src'
    build.mkdir(parents=True)
    source = tree / 'a.c'
    source.write_text(GLOBALS % (bump, own))
    subprocess.run(['gcc', '-O2', '-fPIE', '-c', source, '-o', build / 'a.o'], check=True)
    (tree / 'tool' / 'globals.allow').write_text('')
    if name is None:
        accepted(tree, 'globalcheck', 'build')
        return
    assert name in refused(tree, 'globalcheck', 'build')
    (tree / 'tool' / 'globals.allow').write_text(f'{name.split()[0]}: a reason\n')
    accepted(tree, 'globalcheck', 'build')


def test_libraries_of_a_role(tree):
    build = tree / 'build'
    build.mkdir()
    accepted(tree, 'ldcheck', 'build')
    (tree / 'a.c').write_text('int main(void) { return 0; }\n')
    link = ['gcc', tree / 'a.c', '-o', build / 'letterlock-vault', '-Wl,--no-as-needed']
    subprocess.run(link + ['-lcrypto'], check=True)
    accepted(tree, 'ldcheck', 'build')
    subprocess.run(link + ['-lssl'], check=True)
    assert 'needs libssl, which vault may not' in refused(tree, 'ldcheck', 'build')


def test_harness_lists(tree):
    fuzz = tree / 'test' / 'fuzz'
    (fuzz / 'harnesses').mkdir(parents=True)
    (fuzz / 'a_fuzz.c').write_text('')
    (fuzz / 'harnesses' / 'x.list').write_text('# one\na: dep_base dep_os\n')
    assert run(tree, 'harnesses') == (0, 'a dep_base dep_os\n')
    (fuzz / 'harnesses' / 'y.list').write_text('a: dep_base\n')
    assert 'is also in' in refused(tree, 'harnesses')
    (fuzz / 'harnesses' / 'y.list').write_text('b: dep_base\n')
    assert 'b_fuzz.c is missing' in refused(tree, 'harnesses')


def parser_tree(tree, table):
    (tree / 'test' / 'fuzz').mkdir(parents=True, exist_ok=True)
    (tree / 'test' / 'fuzz' / 'parsers.list').write_text(table)
    program = tree / 'linear.sh'
    program.write_text('#!/bin/sh\necho "ok 1 - one 2.0 x"\nexit ${END:-0}\n')
    program.chmod(0o755)
    return program


def test_every_parser_has_a_linear_time_case(tree):
    write(tree, 'base/a.c', 'bool base_parse(struct span text, int *out)\n{\n}\n')
    program = parser_tree(tree, '# table\nbase/a.c: one\n')
    accepted(tree, 'linear', program)
    parser_tree(tree, 'base/a.c:\n')
    assert 'base/a.c has no linear-time case' in refused(tree, 'linear', program)
    parser_tree(tree, 'base/a.c: two\n')
    said = refused(tree, 'linear', program)
    assert 'there is no case two' in said and 'case one is of no parser' in said
    parser_tree(tree, 'base/b.c: one\n')
    said = refused(tree, 'linear', program)
    assert 'base/a.c defines a parser' in said and 'base/b.c is in parsers.list' in said
    parser_tree(tree, 'base/a.c: one\n-base/b.c: a word\n')
    accepted(tree, 'linear', program)
    program.write_text('#!/bin/sh\necho "not ok 1 - one 4.1 x"\nexit 1\n')
    assert '1 not linear' in refused(tree, 'linear', program)


def test_the_end_of_check_names_what_failed(tree):
    (tree / 'test/fail').mkdir(parents=True)
    (tree / 'test/fail/odd_test.py').write_text(
        'def test_even():\n    pass\n\n\ndef test_odd():\n    assert 1 == 2\n')
    text = refused(tree, 'check', 'fail-disk')
    end = text.splitlines()[-2:]
    assert end[0].startswith('fail-disk: FAILED test/fail/odd_test.py::test_odd')
    assert end[1] == '1 passed, 1 failed'
    assert (tree / 'build-check/log/total').read_text().splitlines() == end

# SPDX-License-Identifier: Apache-2.0
"""tool/papercheck and tool/rfccheck must refuse what they are there to refuse."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RFC = '# X\n\nTests are in `test/unit/x_test.c` (x:).\n\n| section | what | file | test |\n|---|---|---|---|\n'


@pytest.fixture
def tree(tmp_path):
    """A small tree with nothing wrong, which git does not know."""
    for folder in ('tool', 'src/wire', 'src/cmd', 'man', 'doc/rfc', 'doc/decisions', 'test/unit'):
        (tmp_path / folder).mkdir(parents=True)
    for name in ('papercheck', 'rfccheck', 'wiregen', 'wire_schema.py'):
        shutil.copy(ROOT / 'tool' / name, tmp_path / 'tool')
    shutil.copy(ROOT / 'src/wire/edge_vault.wire', tmp_path / 'src/wire')
    (tmp_path / 'src/cmd/verbs.c').write_text('{.name = "start",\n')
    (tmp_path / 'man/letterlock-start.1').write_text('.Dd\n')
    (tmp_path / 'man/meson.build').write_text("foreach verb : ['start']\n")
    (tmp_path / 'test/unit/x_test.c').write_text('static void good(void **state)\n')
    (tmp_path / 'doc/rfc/x.md').write_text(RFC + '| 1 | a | a.c | x:good |\n')
    (tmp_path / 'README.md').write_text('[doc](doc/hops.md)\n')
    run(tmp_path, '--write')
    return tmp_path


def run(tree, *words):
    done = subprocess.run([tree / 'tool/papercheck', *words], text=True, stdout=subprocess.PIPE,
                          env={'PATH': '/usr/bin:/bin', 'GIT_CEILING_DIRECTORIES': str(tree.parent)})
    return done.returncode, done.stdout


def refused(tree):
    code, text = run(tree)
    assert code == 1
    return text


def test_nothing_wrong(tree):
    code, text = run(tree)
    assert code == 0 and text.startswith('papercheck: ok')


def test_hops_are_those_of_the_schemas(tree):
    with (tree / 'doc/hops.md').open('a') as out:
        out.write('more\n')
    assert 'doc/hops.md is not what the schemas say' in refused(tree)
    run(tree, '--write')
    assert run(tree)[0] == 0


def test_a_verb_has_a_page_that_is_installed(tree):
    (tree / 'src/cmd/verbs.c').write_text('{.name = "start"}, {.name = "stop"},\n')
    assert 'man/letterlock-stop.1 is missing' in refused(tree)
    (tree / 'man/letterlock-stop.1').write_text('.Dd\n')
    assert 'man/letterlock-stop.1 is not installed' in refused(tree)
    (tree / 'src/cmd/verbs.c').write_text('{.name = "start"},\n')
    assert 'man/letterlock-stop.1 has no verb' in refused(tree)


@pytest.mark.parametrize('row, complaint', [
    ('| 1 | a | a.c | x:bad |', 'there is no test x:bad'),
    ('| 1 | a | a.c | |', 'no test'),
    ('| 1 | a | a.c | test/unit/none.c::good |', 'there is no test test/unit/none.c::good')])
def test_rows_name_tests(tree, row, complaint):
    (tree / 'doc/rfc/x.md').write_text(RFC + row + '\n')
    assert complaint in refused(tree)


DECISION = '# {}. We do\n\n**Choice.** This.\n\n**Why.** So.\n\n**Against.** That.\n'


@pytest.mark.parametrize('name, text, complaint', [
    ('0002-x.md', DECISION.format(2), 'should have the number 1'),
    ('0001-x.md', DECISION.format(2), 'should have the number 1'),
    ('0001-x.md', DECISION.format(1).replace('**Against.**', 'Well.'), 'no **Against.**')])
def test_decisions_have_their_parts(tree, name, text, complaint):
    (tree / 'doc/decisions' / name).write_text(text)
    assert complaint in refused(tree)


def test_a_good_decision(tree):
    (tree / 'doc/decisions/0001-x.md').write_text(DECISION.format(1))
    assert run(tree)[0] == 0


def test_links_lead_somewhere(tree):
    (tree / 'README.md').write_text('[a](doc/none.md) [b](https://example.org/) [c](#here)\n')
    assert 'README.md: doc/none.md does not exist' in refused(tree)


@pytest.mark.parametrize('word', [
    '/ho' + 'me/me/x', ' /ro' + 'ot/x', '"/wo' + 'rk/x"', 'https://registry.npm' + 'js.org/x'])
def test_words_of_one_machine(tree, word):
    (tree / 'doc/a.md').write_text(f'first\n{word}\n')
    assert 'doc/a.md:2: ' in refused(tree)


@pytest.mark.parametrize('word', ['src/ho' + 'me/x', 'DIR/ro' + 'ot/x', '/ho' + 'mer', 'a/wo' + 'rk/x'])
def test_words_that_only_look_like_it(tree, word):
    (tree / 'doc/a.md').write_text(word + '\n')
    assert run(tree)[0] == 0


@pytest.mark.parametrize('lines, code', [(59, 0), (60, 0), (61, 1)])
def test_the_readme_is_one_screen(tree, lines, code):
    (tree / 'README.md').write_text('x\n' * lines)
    assert run(tree)[0] == code

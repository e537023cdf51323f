#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every hop has a hostile peer in test/break, at each of its ends.

The hops are those of src/wire, the ends those of their schemas: a new hop fails
here until a test attacks both its ends.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BREAK = ROOT / 'test' / 'break'

# (hop, end that is attacked): the test with the role of that end in it.
ATTACKED = {
    ('admin_auth', 'admin'): 'admin_test.c',
    ('admin_auth', 'auth'): 'auth_test.c',
    ('admin_boss', 'admin'): 'admin_test.c',
    ('admin_dialer', 'admin'): 'admin_test.c',
    ('admin_dialer', 'dialer'): 'dialer_test.c',
    ('admin_courier', 'admin'): 'admin_test.c',
    ('admin_courier', 'courier'): 'courier_test.c',
    ('admin_logger', 'admin'): 'admin_test.c',
    ('admin_logger', 'logger'): 'logger_test.c',
    ('admin_store', 'admin'): 'admin_test.c',
    ('admin_store', 'store'): 'store_test.c',
    ('admin_vault', 'admin'): 'admin_test.c',
    ('admin_vault', 'vault'): 'vault_test.c',
    ('auth_store', 'auth'): 'auth_test.c',
    ('auth_store', 'store'): 'store_test.c',
    ('boss_role', 'role'): 'life_test.c',
    ('cmd_admin', 'admin'): 'admin_test.c',
    ('cmd_local', 'local'): 'local_test.c',
    ('courier_dialer', 'dialer'): 'dialer_test.c',
    ('courier_fetch', 'courier'): 'courier_test.c',
    ('courier_fetch', 'fetch'): 'fetch_test.c',
    ('courier_dialer', 'courier'): 'courier_test.c',
    ('courier_store', 'courier'): 'courier_test.c',
    ('courier_store', 'store'): 'store_test.c',
    ('edge_auth', 'edge'): 'site_test.c',
    ('edge_auth', 'auth'): 'auth_test.c',
    ('edge_store', 'edge'): 'site_test.c',
    ('edge_store', 'store'): 'store_test.c',
    ('courier_vault', 'courier'): 'courier_test.c',
    ('courier_vault', 'vault'): 'vault_test.c',
    ('edge_vault', 'edge'): 'site_test.c',
    ('edge_vault', 'vault'): 'vault_test.c',
    ('fetch_dialer', 'dialer'): 'dialer_test.c',
    ('fetch_dialer', 'fetch'): 'fetch_test.c',
    ('role_logger', 'role'): 'dialer_test.c',
    ('role_logger', 'logger'): 'logger_test.c',
    ('store_sorter', 'store'): 'site_test.c',
    ('store_sorter', 'sorter'): 'sorter_test.c',
}

# No roles: they are attacked as the programs that they are.
PROGRAMS = {
    ('cmd_admin', 'cmd'): 'control_test.py',
    ('cmd_local', 'cmd'): 'control_test.py',
    ('boss_conf', 'boss'): 'conf_test.c',
    ('boss_conf', 'conf'): 'parser_test.py',
    ('admin_boss', 'boss'): 'turncoat_test.py',
    ('boss_role', 'boss'): 'turncoat_test.py',
}


def hops():
    text = (ROOT / 'src' / 'wire' / 'meson.build').read_text()
    return re.findall(r"'(\w+)'", re.search(r'hops = \[(.*?)\]', text, re.S).group(1))


def ends():
    for hop in hops():
        schema = (ROOT / 'src' / 'wire' / f'{hop}.wire').read_text()
        sides = re.search(r'^hop (\w+) (\w+)$', schema, re.M).groups()
        yield from ((hop, side) for side in sides)


def test_every_schema_is_built():
    assert sorted(hops()) == sorted(p.stem for p in (ROOT / 'src' / 'wire').glob('*.wire'))


def test_every_end_is_attacked():
    known = {**ATTACKED, **PROGRAMS}
    assert len(known) == len(ATTACKED) + len(PROGRAMS)
    assert set(ends()) == set(known)


def test_the_attacks_are_there():
    build = (BREAK / 'meson.build').read_text()
    for (hop, end), name in ATTACKED.items():
        text = (BREAK / name).read_text()
        assert f'{hop}_hop' in text, f'{name} has nothing of {hop}'
        assert f"'{name.removesuffix('_test.c')}':" in build, f'{name} is not built'
        assert 'attack_framing(' in text or hop == 'boss_role', f'{name} attacks no {hop}'
    for (hop, end), name in PROGRAMS.items():
        assert hop in (BREAK / name).read_text(), f'{name} has nothing of {hop}'
        assert name.endswith('.py') or name in build
    # A role that decodes, and still lies, under TLS.
    assert 'false_auth.c' in build and 'BREAK_FALSE_AUTH' in (BREAK / 'false_auth_test.py').read_text()

# SPDX-License-Identifier: Apache-2.0
"""What a sanitizer finds in a role is seen by whoever runs the journeys.

A copy of the build has one program with a fault of its own (test/break/turncoat.c,
built as break_sinner) in the place of a role.  Nothing of the product knows of it.
Only in a sanitizer build; `tool/check sanitized` runs it.
"""
import pathlib
import shutil
import tempfile

import pytest

from kit.instance import BUILD, SANITIZED, Instance, sanitizer_report, wait

pytestmark = pytest.mark.skipif(not SANITIZED, reason='no build with sanitizers')


def copy_with(folder, program):
    copy = pathlib.Path(folder)
    copy.chmod(0o755)
    for path in BUILD.glob('letterlock*'):
        if path.is_file():
            shutil.copy(path, copy)
    shutil.copy(BUILD / 'test' / 'break' / 'break_sinner', copy / program)
    return copy / 'letterlock'


def test_a_write_behind_the_end_is_reported():
    with tempfile.TemporaryDirectory(prefix='ll-sin-') as folder:
        instance = Instance(users=1, program=copy_with(folder, 'letterlock-dialer'))
        instance.start()
        try:
            assert wait(lambda: 'heap-buffer-overflow' in instance.errors(), 30)
            assert wait(lambda: instance.log_rows('role.died'), 30)
            died = instance.log_rows('role.died')[0]
            assert died['_role'] == 'dialer' and 'ABRT' in died['how']
        finally:
            # The end of every journey: the report fails it, and is shown.
            with pytest.raises(AssertionError, match='(?s)heap-buffer-overflow.*turncoat'):
                instance.clean()


def test_a_leak_is_reported_at_the_end():
    with tempfile.TemporaryDirectory(prefix='ll-sin-') as folder:
        instance = Instance(users=1, program=copy_with(folder, 'letterlock-vault'))
        instance.start()
        try:
            wait(lambda: False, 1.0)
            instance.stop()
        finally:
            with pytest.raises(AssertionError, match='(?s)LeakSanitizer.*4242 byte.*turncoat'):
                instance.clean()


def test_each_role_looks_for_leaks(tmp_path):
    """An end in good order has no report, and each role came to its end."""
    instance = Instance(users=1)
    try:
        instance.start()
        instance.stop()
        assert not instance.log_rows('role.killed')
        assert sanitizer_report(instance.errors()) is None
    finally:
        instance.clean()

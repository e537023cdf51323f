# SPDX-License-Identifier: Apache-2.0
"""Instances for the journeys, the oracles around each case, and a time limit.

A case that takes the fixture `demo` runs against one instance that all share,
between two looks of the oracles.  One that kills, stops or reconfigures takes
`own` and has an instance for itself.
"""
import itertools
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from kit.instance import PROGRAM, SANITIZED, USERS, Instance  # noqa: E402
from kit.mail import empty  # noqa: E402
from kit.oracle import Oracle, check_log, drop_canary  # noqa: E402

LIMIT_SECONDS = 180 if SANITIZED else 60


def pytest_configure(config):
    config.addinivalue_line('markers', 'limit(seconds): the most that a case may take')
    config.addinivalue_line('markers', 'oracle(name=value): bounds for this case')


def pytest_sessionstart(session):
    if not PROGRAM.exists() and not session.config.option.collectonly:
        pytest.exit(f'{PROGRAM} is not built', 1)


def expired(_number, _frame):
    raise TimeoutError('the case took longer than its limit')


@pytest.fixture(autouse=True)
def limited(request):
    marker = request.node.get_closest_marker('limit')
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(marker.args[0] if marker else LIMIT_SECONDS)
    yield
    signal.alarm(0)


def nobody_follows(instance):
    """The oracles look for the same processes: load_test shows those that follow."""
    for option in ('age', 'sorter-age', 'sorter-messages'):
        instance.set_option('processes', option, '0')
    instance.reload()
    return instance


@pytest.fixture(scope='session')
def shared():
    instance = Instance(users=USERS)
    try:
        yield nobody_follows(instance.start())
        drop_canary(instance)
        instance.stop()
        check_log(instance)
    finally:
        instance.clean()


@pytest.fixture
def demo(shared, request):
    marker = request.node.get_closest_marker('oracle')
    oracle = Oracle(shared)
    yield shared
    oracle.check(**(marker.kwargs if marker else {}))


@pytest.fixture(scope='session')
def with_rsa():
    instance = Instance(users=1, options=['--rsa'])
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


def alone():
    instance = Instance(users=USERS if SANITIZED else 3)
    try:
        yield instance.start()
        if instance.process.poll() is None:
            instance.stop()
        check_log(instance)
        assert 'bug:' not in instance.errors(), instance.errors()
    finally:
        drop_canary(instance)
        instance.clean()


@pytest.fixture
def own():
    """An instance for one case, which may do to it what it likes."""
    yield from alone()


@pytest.fixture(scope='module')
def ours():
    """The same for the cases of one file, which take it as it is."""
    yield from alone()


turns = itertools.cycle(range(1, 21))


@pytest.fixture
def user(demo):
    """An account whose INBOX is empty."""
    account = demo.account(f'u{next(turns)}')
    empty(demo, account)
    return account


@pytest.fixture
def two(demo):
    accounts = [demo.account(f'u{next(turns)}'), demo.account(f'u{next(turns)}')]
    for account in accounts:
        empty(demo, account)
    return accounts


@pytest.fixture
def home(tmp_path):
    """An environment for clients that read settings from a home folder."""
    return dict(os.environ, HOME=str(tmp_path), TMPDIR=str(tmp_path), LC_ALL='C')

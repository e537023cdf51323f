# SPDX-License-Identifier: Apache-2.0
"""Mail to a hundred domains: how it travels, or why it does not.

lab/cases.py is the table.  The domains, their servers and web pages are real ones
of other people's making (nsd, Python's ssl and http.server) in a network of this
process's own, so they have ports 25, 53 and 443.  One instance of the real
programs delivers; what came, and how, the servers say.
"""
import email
import re

import pytest

from kit.instance import Instance, wait
from kit.mail import mails, message
from kit.wire import submission
from lab.case import Bounced, Deferred, Delivered
from lab.cases import CASES
from lab.names import SERVER
from lab.net import SOURCES, own_network
from lab.world import World

SECONDS = 90


def destination(place):
    lines = place.case.rule
    if "{fingerprint}" in lines:
        lines = lines.format(fingerprint=place.papers[0].fingerprint())
    return f"destination c{place.number} {{ domain {place.domain}; {lines} }}\n"


def configure(instance, world):
    instance.stop()
    for option, value in (("lookups", "on"), ("resolvers", SERVER),
                          ("trust-anchor", f'"{world.names.anchors}"')):
        instance.set_option("dns", option, value)
    # 10.1.2.3 of the table is in neither.
    instance.set_option("outgoing", "reach", "127.0.0.0/8 fd00:1111::/64")
    instance.set_option("outgoing", "source", SOURCES)
    instance.set_option("outgoing", "authorities", f'"{world.authorities}"')
    instance.set_option("tls", "certificate", "demo")
    # Other servers find it at 25.
    text = instance.config.read_text()
    instance.config.write_text(text.replace(f"port {instance.ports['smtp']};", "port 25;"))
    rules = "".join(destination(p) for p in world.places if p.case.rule)
    for name, (chain, key) in world.own.items():
        rules += f'certificate {name} {{ chain "{chain}"; key "file:{key}"; }}\n'
    instance.config.write_text(rules + instance.config.read_text())
    instance.file.unlink(missing_ok=True)


def submit(instance, places):
    with submission(instance, instance.alice) as smtp:
        for place in places:
            case = place.case
            parameters = (" REQUIRETLS" if case.requiretls else "") + (" SMTPUTF8" if case.utf8 else "")
            smtp.envelope(instance.alice.user, place.recipient, params=parameters)
            text = message(f"someone@{place.domain}", instance.alice.user, f"c{place.number}",
                           fields="TLS-Required: No\r\n" if case.tls_required_no else "")
            assert smtp.data(text) == 250


class Fates:
    """What has become of all cases, as far as one look shows."""

    def __init__(self, instance, world):
        self.instance, self.world = instance, world
        self.queue, self.reports = {}, []

    def look(self):
        self.queue = {row["recipient"]: row for row in self.instance.rows("queue", "list")}
        self.reports = [email.message_from_bytes(text)
                        for text in mails(self.instance, self.instance.alice).values()]

    def report(self, place):
        """Status and words of the failure that was reported for a case."""
        for report in self.reports:
            for part in report.walk():
                if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
                    continue
                for block in part.get_payload():
                    if place.domain in str(block.get("Final-Recipient", "")) and block.get("Action") == "failed":
                        return f"{block['Status']} {block.get('Diagnostic-Code', '')}"
        return None

    def known(self, place):
        row = self.queue.get(place.recipient)
        return self.world.deliveries(place) or self.report(place) or (row is not None and row["attempts"] > 0)

    def all_known(self):
        self.look()
        return all(self.known(place) for place in self.world.places)


@pytest.fixture(scope="module")
def fates():
    own_network()
    world, instance = World(CASES), Instance(users=2)
    try:
        instance.start()
        configure(instance, world)
        world.start()
        instance.start()
        submit(instance, world.places)
        fates = Fates(instance, world)
        wait(fates.all_known, SECONDS, 1.0)
        yield fates
        instance.stop()
    finally:
        instance.clean()
        world.stop()


def attempt(fates, place):
    """The log's last line on how the host was spoken to."""
    rows = [row for row in fates.instance.log_rows() if row.get("domain") == place.domain]
    return rows[-8:]


def check_delivered(fates, place, expect):
    came = fates.world.deliveries(place)
    assert came, (fates.queue.get(place.recipient), fates.report(place), attempt(fates, place))
    assert len(came) == 1, came
    host, seen = came[0]
    assert host == expect.host and (seen.tls is not None) == expect.tls, (host, seen)
    assert expect.parameter in seen.mail and seen.client == expect.client
    assert f"Subject: c{place.number}\r\n".encode() in seen.data
    assert seen.data.count(b"\n") == seen.data.count(b"\r\n") == seen.data.count(b"\r")
    assert seen.hello == "mx.example.test"
    assert not fates.report(place) and place.recipient not in fates.queue
    if expect.by is not None:
        assert expect.by in [row.get("by") for row in attempt(fates, place)], attempt(fates, place)


def check_kept_back(fates, place, why):
    """Not a byte of the message was sent anywhere."""
    for servers in place.servers:
        for server in servers:
            if isinstance(place.case.expect, Deferred) and not why and server.host.end.startswith("2"):
                assert "DATA" not in server.commands, server.commands
    assert not fates.world.deliveries(place)


@pytest.mark.parametrize("number", range(1, len(CASES) + 1), ids=[case.name for case in CASES])
def test_mail_to(fates, number):
    place = fates.world.places[number - 1]
    expect = place.case.expect
    if isinstance(expect, Delivered):
        check_delivered(fates, place, expect)
        return
    check_kept_back(fates, place, expect.why)
    row, report = fates.queue.get(place.recipient), fates.report(place)
    if isinstance(expect, Deferred):
        assert row is not None and row["attempts"] > 0 and not report, (row, report, attempt(fates, place))
        assert row["why"] and re.search(expect.why, row["why"]), row
    else:
        assert isinstance(expect, Bounced) and report, (row, attempt(fates, place))
        assert re.match(f"({expect.status}) ", report) and re.search(expect.why, report), report
        assert row is None


def test_a_certificate_that_is_for_servers_alone_is_told_of(fates):
    """What most authorities issue today: mail flows, where nobody minds."""
    notes = [line for line in fates.instance.errors().splitlines() if "not for clients" in line]
    assert notes and all('"narrow"' in note for note in notes), fates.instance.errors()

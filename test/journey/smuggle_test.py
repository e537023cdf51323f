# SPDX-License-Identifier: Apache-2.0
"""Where a message ends (threats B1): no client and no other server may find an
end that we did not, or the other way round.
"""
import os
import re
import time

import pytest

from kit.mail import ELSEWHERE, absent, deliver, digest, find, message, token
from kit.wire import mx, submission

MAX = 50 << 20

FALSE_ENDS = {
    'lf.lf': b'\n.\n', 'lf.crlf': b'\n.\r\n', 'crlf.lf': b'\r\n.\n', 'cr.cr': b'\r.\r',
    'cr.crlf': b'\r.\r\n', 'crlf.cr': b'\r\n.\r',
    'lf.cr': b'\n.\r', 'crlf.nul': b'\r\n.\0\r\n',
}


@pytest.mark.parametrize('port', ['smtp', 'submissions'])
@pytest.mark.parametrize('name', FALSE_ENDS)
def test_a_false_end_is_no_end(demo, two, port, name):
    """1-5: what follows is never executed; the message is refused."""
    user, victim = two
    word = token()
    sender = ELSEWHERE if port == 'smtp' else user.user
    inner = (f'MAIL FROM:<{sender}>\r\nRCPT TO:<{victim.user}>\r\nDATA\r\n'
             f'Subject: {word}\r\n\r\nsmuggled').encode()
    smtp = mx(demo) if port == 'smtp' else submission(demo, user)
    with smtp:
        smtp.envelope(sender, user.user)
        reply = smtp.data(message(user.user, sender).encode() + FALSE_ENDS[name] + inner,
                          stuff=False)
        assert reply == 550 and reply.enhanced == '5.6.0', reply
        assert smtp.silent(0.1)
        assert smtp.cmd('NOOP') == 250
    assert absent(demo, victim, word) and absent(demo, user, word)


@pytest.mark.parametrize('bad', [b'\n', b'\r', b'\0', b'\r\r\n', b'\n\r'])
@pytest.mark.parametrize('where', ['header', 'body', 'end'])
def test_bare_bytes_are_refused_after_the_end(demo, user, bad, where):
    """6, 8: 550 5.6.0 once, after everything was read."""
    word = token()
    text = message(user.user, subject=word).encode()
    if where == 'header':
        text = text.replace(b'Date:', b'X-A: b' + bad + b'c\r\nDate:')
    elif where == 'body':
        text += b'line' + bad + b'line\r\n'
    else:
        text += b'last' + bad
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        reply = smtp.data(text)
        assert reply == 550 and reply.enhanced == '5.6.0', reply
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.data(message(user.user)) == 250
    assert absent(demo, user, word)


STUFFED = b'.\r\n..\r\n.a\r\n.\r\n...\r\nx.\r\n .\r\n\r\n.\r\n'


@pytest.mark.parametrize('step', [0, 1, 3, 7])
def test_dots_come_through_byte_for_byte(demo, user, step):
    """9: at the start, at the end, at the border of chunks and of segments."""
    subject = token()
    data = message(user.user, subject=subject).encode() + STUFFED
    wire = re.sub(rb'(?m)^\.', b'..', data) + b'.\r\n'
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.cmd('DATA') == 354
        if step:
            for i in range(0, len(wire), step):
                smtp.send(wire[i:i + step])
        else:
            smtp.send(wire)
        assert smtp.answer() == 250
    assert find(demo, user, subject).endswith(data)


def test_lines_of_any_length_are_kept(demo, user):
    for length in (998, 999, 5000, 100000):
        line = b'x' * length + b'\r\n'
        subject = token()
        deliver(demo, user.user, message(user.user, subject=subject).encode() + line,
                subject=subject)
        assert find(demo, user, subject).endswith(b'\r\n' + line)


def test_eight_bit_bytes_are_kept(demo, user):
    subject = token()
    body = bytes(b for b in range(1, 256) if b not in (10, 13)) + b'\r\n'
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user, params=' BODY=8BITMIME')
        assert smtp.data(message(user.user, subject=subject).encode() + body, end=b'.\r\n') == 250
    assert find(demo, user, subject).endswith(b'\r\n' + body)


# ---- BDAT ----

def test_chunks_of_every_size(demo, user):
    subject = token()
    data = message(user.user, subject=subject).encode() + STUFFED
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        for i in range(0, len(data), 50):
            assert smtp.bdat(data[i:i + 50], last=False) == 250
        assert smtp.bdat(b'') == 250
        assert smtp.cmd('NOOP') == 250
    assert find(demo, user, subject).endswith(data)


def test_data_and_bdat_do_not_mix(demo, user):
    """13"""
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.bdat(b'Subject: x\r\n', last=False) == 250
        assert smtp.cmd('DATA') == 503


def test_bdat_in_the_wrong_place_is_read_and_refused(demo):
    """14: the refused bytes are never commands."""
    with mx(demo) as smtp:
        inner = b'MAIL FROM:<a@x.example>\r\nRCPT TO:<u1@example.test>\r\n'
        assert smtp.bdat(inner) == 503
        assert smtp.cmd('RCPT TO:<u1@example.test>') == 503


def test_a_chunk_that_is_too_big_is_read_to_its_end(demo, user):
    """14"""
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        smtp.send(b'BDAT %d LAST\r\n' % (MAX + 1))
        block = b'RSET\r\n' * 10000
        left = MAX + 1
        while left:
            smtp.send(block[:left])
            left -= min(left, len(block))
        assert smtp.answer() == 552
        assert smtp.silent(0.1)
        assert smtp.cmd('NOOP') == 250


@pytest.mark.parametrize('size', ['-1', '18446744073709551616', 'x', '', '1 FIRST', '0x10'])
def test_a_chunk_whose_size_cannot_be_read_ends_the_session(demo, user, size):
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.cmd(f'BDAT {size}') == 501
        assert smtp.closes()


@pytest.mark.parametrize('bad', [b'a\nb\r\n', b'a\rb\r\n', b'a\0b\r\n'])
def test_bare_bytes_in_a_chunk(demo, user, bad):
    """15: only with BINARYMIME."""
    word = token()
    data = message(user.user, subject=word).encode() + bad
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        reply = smtp.bdat(data)
        assert reply == 550 and reply.enhanced == '5.6.0'
        smtp.envelope(ELSEWHERE, user.user, params=' BODY=BINARYMIME')
        assert smtp.cmd('DATA') == 503
    assert absent(demo, user, word)
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user, params=' BODY=BINARYMIME')
        assert smtp.bdat(data) == 250
    assert find(demo, user, word).endswith(data)


def test_a_chunk_split_inside_crlf(demo, user):
    subject = token()
    data = message(user.user, subject=subject).encode()
    cut = data.index(b'\r\n') + 1
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.bdat(data[:cut], last=False) == 250
        assert smtp.bdat(data[cut:]) == 250
    assert find(demo, user, subject).endswith(data)


# ---- sizes ----

def big(user, subject, size):
    head = message(user.user, subject=subject).encode()
    line = os.urandom(48).hex().encode() + b'\r\n'
    body = line * ((size - len(head)) // len(line) + 1)
    data = head + body[:size - len(head) - 2] + b'\r\n'
    assert len(data) == size
    # A cut can fall between CR and LF.
    return data if data[-3:-2] != b'\r' else data[:-3] + b'x\r\n'


@pytest.mark.limit(120)
def test_fifty_mebibytes_and_one_byte_more(demo, user):
    """53: the largest message comes through as it was; one byte more is 552."""
    subject = token()
    data = big(user, subject, MAX)
    with mx(demo) as smtp:
        smtp.sock.settimeout(60)
        smtp.envelope(ELSEWHERE, user.user, params=f' SIZE={MAX}')
        assert smtp.data(data, end=b'.\r\n', stuff=False) == 250
        smtp.envelope(ELSEWHERE, user.user)
        reply = smtp.data(data + b'x\r\n', end=b'.\r\n', stuff=False)
        assert reply == 552 and reply.enhanced == '5.3.4'
        assert smtp.cmd('NOOP') == 250
    found = find(demo, user, subject, seconds=30)
    assert digest(found[-MAX:]) == digest(data)


@pytest.mark.parametrize('size', [1 << 10, 48 << 10, (48 << 10) + 1, 60 << 10, 64 << 10,
                                  256 << 10, (256 << 10) + 1, 1 << 20])
def test_sizes_around_the_borders_of_storage(demo, user, size):
    subject = token()
    data = big(user, subject, size)
    deliver(demo, user.user, data, subject=subject)
    found = find(demo, user, subject)
    assert digest(found[-size:]) == digest(data)


def test_a_small_announcement_does_not_help(demo, user):
    """53: refused while reading, not after."""
    word = token()
    with mx(demo) as smtp:
        smtp.sock.settimeout(30)
        smtp.envelope(ELSEWHERE, user.user, params=' SIZE=10')
        reply = smtp.data(big(user, word, MAX + 1000), end=b'.\r\n', stuff=False)
        assert reply == 552
    assert absent(demo, user, word)


def test_a_connection_lost_in_data_keeps_nothing(demo, user):
    """39 without TLS: half a message is no message."""
    word = token()
    smtp = mx(demo)
    smtp.envelope(ELSEWHERE, user.user)
    assert smtp.cmd('DATA') == 354
    smtp.send(message(user.user, subject=word))
    smtp.close()
    time.sleep(0.2)
    assert absent(demo, user, word)

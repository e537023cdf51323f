# SPDX-License-Identifier: Apache-2.0
"""What the player printed, and whether a recovered store may look as it does.

A journal is a list of steps; each has its commands, the packet that brought each
answer, and everything that could be read after it.  At a moment of the log some
steps were answered as a whole; the store that recovers from there shows at least
the last of these (I1, I3, I5, I7), and of the next one nothing or all of it, or,
when it is several commits, a part that loses and doubles nothing (I2, I6).
"""
import collections

READY_MS = 5000  # I9
# Commands of several commits; every other one is there as a whole or not at all.
SEVERAL = {'rename', 'remove', 'account-remove', 'report'}
NO_ANSWER = '99'  # play_do.c: the store was gone before it

Box = collections.namedtuple('Box', 'validity next messages unseen version count subscribed')
Message = collections.namedtuple('Message', 'user box uid flags keywords modseq size label sum')


class Dump:
    def __init__(self):
        self.messages, self.boxes, self.rest, self.quota = set(), {}, set(), {}
        self.ledger = None
        self.wrong = []

    def add(self, line):
        w = line.split(' ')
        if w[0] == 'message':
            self.messages.add(Message(w[1], w[2], int(w[3]), int(w[4]), w[5], int(w[6]),
                                      int(w[7]), w[8], w[9]))
            if w[10] != 'whole':
                self.wrong.append(f'I2 a message is not what was given: {line}')
        elif w[0] == 'box':
            self.boxes[w[1], w[2]] = Box(*map(int, w[3:]))
        elif w[0] == 'ledger':
            self.ledger = tuple(map(int, w[1:]))
        elif w[0] == 'quota':
            self.quota[w[1]] = tuple(map(int, w[2:]))
        else:
            self.rest.add(line)

    def same(self, other):
        return (self.messages == other.messages and self.boxes == other.boxes and
                self.rest == other.rest and self.ledger == other.ledger)

    def counts(self):
        """I5: what is counted is what is there."""
        per = collections.Counter((m.user, m.box) for m in self.messages)
        unseen = collections.Counter((m.user, m.box) for m in self.messages if not m.flags & 1)
        for key, box in self.boxes.items():
            if not box.messages == box.count == per[key] or box.unseen != unseen[key]:
                yield f'I5 {key}: {box}, counted {per[key]}, unseen {unseen[key]}'
        for user, (messages, size, counted, summed) in self.quota.items():
            if messages != counted or size != summed:
                yield f'I5 quota of {user}: {messages}, {size}, counted {counted}, {summed}'
        queued = sum(line.startswith('queued') for line in self.rest)
        if self.ledger and (self.ledger[0] != sum(self.ledger[1:6]) or not
                            sum(self.ledger[4:6]) == self.ledger[6] == queued):
            yield f'I11 {queued} recipients are in the queue, the ledger has {self.ledger}'
        seen = set()
        for m in self.messages:
            if (m.user, m.box, m.uid) in seen or m.uid >= self.boxes[m.user, m.box].next:
                yield f'I3 a UID twice, or not below the next: {m}'
            if m.modseq > self.boxes[m.user, m.box].version:
                yield f'I4 a MODSEQ above the highest: {m}'
            seen.add((m.user, m.box, m.uid))


class Step:
    def __init__(self):
        self.ops, self.dump, self.shown = [], None, (0, 0)


class Journal:
    """lines: of the player."""

    def __init__(self, lines):
        self.steps, self.saws, self.wrong, self.ready, self.done = [], [], [], [], False
        self.dumps = []
        step, dump = Step(), None
        for line in lines:
            w = line.split(' ')
            if w[0] == 'shown':
                step.shown = int(w[1]), int(w[2])
            elif dump is not None and line != '.' and w[0] not in (
                    'unreadable', 'finding', 'saw', 'broken'):
                dump.add(line)
            elif w[0] == 'op':
                step.ops.append((w[3] == 'yes', int(w[5]), int(w[6]), w[7:], int(w[2]), w[4]))
            elif w[0] == 'saw':
                self.saws.append((w[1], w[2], int(w[3]), int(w[4]), int(w[5]), int(w[6]),
                                  int(w[7])))
            elif w[0] == 'ready':
                self.ready.append(int(w[1]))
            elif w[0] == 'dump':
                dump = Dump()
            elif line == '.':
                step.dump = dump
                self.steps.append(step)
                self.dumps.append(dump)
                self.wrong += dump.wrong
                step, dump = Step(), None
            elif w[0] in ('unreadable', 'finding', 'broken', 'cannot', 'unknown', 'failed'):
                self.wrong.append(line)
            elif line == 'done':
                self.done = True
        if not self.done:
            self.wrong.append('the player did not come to its end')
        self.wrong += [f'I9 ready after {ms} ms' for ms in self.ready if ms > READY_MS]


class History:
    """A journal beside the log: what was answered and told, and when."""

    def __init__(self, journal, sent):
        self.journal, self.sent = journal, sent
        self.steps = journal.steps
        self.told = [(self.when(sock, packet), user, box, messages, after, version)
                     for user, box, messages, after, version, sock, packet in journal.saws]

    def when(self, sock, packet):
        """The place in the log of a packet that the player counted."""
        return self.sent[sock][packet - 1] if sock else 0

    def answers(self):
        for n, step in enumerate(self.steps):
            for yes, sock, packet, words, _, _ in step.ops:
                if yes:
                    yield self.when(sock, packet), n, words

    def at(self, index):
        """How many steps were answered as a whole before this place in the log."""
        n = 0
        for step in self.steps:
            # What nobody answered is as good as answered once it was shown.
            if any(self.when(*(step.shown if op[5] == NO_ANSWER else op[1:3])) >= index
                   for op in step.ops):
                break
            n += 1
        return n


EMPTY = Dump()


def lost(before, after, found):
    """I1, I7: what stands before and after stands in between, too."""
    for m in before.messages & after.messages - found.messages:
        yield f'I1 lost: {m}'
    for line in before.rest & after.rest - found.rest:
        yield f'I1 lost: {line}'
    for m in found.messages - before.messages - after.messages:
        yield f'I2 came from nowhere: {m}'
    for line in found.rest - before.rest - after.rest:
        yield f'I2 came from nowhere: {line}'
    for key, box in found.boxes.items():
        each = [d.boxes[key] for d in (before, after) if key in d.boxes]
        if not each:
            yield f'I2 a mailbox came from nowhere: {key}'
        elif box.validity not in [b.validity for b in each]:
            yield f'I3 UIDVALIDITY of {key} is another'
        elif len(each) == 2 and (box.next < each[0].next or box.version < each[0].version):
            yield f'I3 I4 {key} fell back: {box}, was {each[0]}'
    for key in set(before.boxes) & set(after.boxes) - set(found.boxes):
        yield f'I1 lost mailbox {key}'


def letters(dump):
    return collections.Counter((m.user, m.box, m.label, m.size) for m in dump.messages)


def mixed(before, after, found, claims):
    """Several commands at once: no order of theirs is promised, so UIDs of what they
    made are not either."""
    b, a, f = letters(before), letters(after), letters(found)
    for key in set(b) | set(a) | set(f):
        least, most = min(b[key], a[key]), max(b[key], a[key])
        if key[2] in claims:
            least = a[key]
        if not least <= f[key] <= most:
            yield f'I1 I2 {key} stands there {f[key]} times, {least} to {most} is right'
    for m in before.messages & after.messages - found.messages:
        yield f'I1 lost: {m}'
    for line in before.rest & after.rest - found.rest:
        yield f'I1 lost: {line}'
    for key in set(before.boxes) - set(found.boxes):
        if key in after.boxes:
            yield f'I1 lost mailbox {key}'
    for key, box in found.boxes.items():
        old = before.boxes.get(key)
        if old and (box.validity != old.validity or box.next < old.next or
                    box.version < old.version):
            yield f'I3 I4 {key} fell back: {box}, was {old}'


def for_several(words):
    """Before its answer some may have it, and others not."""
    return words[0] in ('offer', 'submit') and len(words) > 5


def taken(step, answered):
    """Labels of the messages that a step's commands brought."""
    return {op[3][3] for op in step.ops if op[0] and answered(op) and
            op[3][0] in ('offer', 'submit', 'append')}


def compare(history, index, found):
    """Complaints about a store that recovered from this place in the log."""
    yield from found.wrong
    yield from found.counts()
    for when, user, box, messages, after, version in history.told:
        now = found.boxes.get((user, box))
        if when < index and now and (now.next < after or now.version < version):
            yield f'I3 I4 {user} {box} was told UIDNEXT {after}, MODSEQ {version}: {now}'
    n = history.at(index)
    steps = history.steps
    dumps = [EMPTY] + [step.dump for step in steps]
    wrong = list(where(history, index, found, n, dumps))
    # What was just accepted for several may still be on its way, in any order.
    if wrong and n and len(steps[n - 1].ops) > 1 and not list(mixed(
            dumps[n - 1], dumps[n], found, taken(steps[n - 1], lambda op: True))):
        return
    yield from wrong


def where(history, index, found, n, dumps):
    before = dumps[n]
    if n == len(history.steps):
        if not found.same(before):
            yield from differences(before, found)
        return
    step, after = history.steps[n], dumps[n + 1]
    if len(step.ops) > 1 or any(for_several(op[3]) for op in step.ops):
        claims = taken(step, lambda op: history.when(op[1], op[2]) < index)
        yield from mixed(before, after, found, claims)
    elif step.ops and step.ops[0][3][0] in SEVERAL:
        yield from lost(before, after, found)
    elif not found.same(before) and not found.same(after):
        yield 'I1 I2 this is neither before nor after ' + ' '.join(
            ' '.join(op[3]) for op in step.ops)
        yield from differences(before, found)


def differences(right, found):
    for word, a, b in (('lost', right, found), ('new', found, right)):
        for x in sorted(a.messages - b.messages)[:5] + sorted(a.rest - b.rest)[:5]:
            yield f'I1 I2 {word}: {x}'
    if right.ledger != found.ledger:
        yield f'I11 the ledger has {found.ledger}, was {right.ledger}'
    for key in set(right.boxes) | set(found.boxes):
        if right.boxes.get(key) != found.boxes.get(key):
            yield f'I3 I4 {key}: {found.boxes.get(key)}, was {right.boxes.get(key)}'

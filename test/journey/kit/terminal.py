# SPDX-License-Identifier: Apache-2.0
"""A program in a terminal: wait for what it shows, type, wait for its end."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

ESCAPE = re.compile(rb'\x1b(?:[@-Z\\^_]|\[[0-?]*[ -/]*[@-~]|\][^\a]*\a|[()].|[=>78])')
ROWS, COLUMNS = 40, 120


class Terminal:
    def __init__(self, words, env, seconds=30.0):
        self.end = time.monotonic() + seconds
        self.shown = b''
        self.seen = 0  # of `shown`, what a wait has found already
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=dict(env, TERM='vt100', LINES=str(ROWS), COLUMNS=str(COLUMNS)))
        os.close(theirs)
        self.ours = ours

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def text(self):
        return re.sub(r'[\s\0]+', ' ', ESCAPE.sub(b' ', self.shown[self.seen:]).decode(errors='replace'))

    def more(self):
        """False at its end."""
        left = self.end - time.monotonic()
        assert left > 0 and select.select([self.ours], [], [], left)[0], f'too slow: {self.text()[-2000:]}'
        try:
            data = os.read(self.ours, 65536)
        except OSError:  # nobody holds the other side any more
            data = b''
        self.shown += data
        return bool(data)

    def wait(self, pattern):
        """Until this is shown after what the last wait found; blanks match what moved the cursor."""
        while not re.search(pattern, self.text()):
            assert self.more(), f'{pattern} never came: {self.text()[-2000:]}'
        self.seen = len(self.shown)

    def type(self, keys):
        os.write(self.ours, keys.encode())

    def ended(self):
        """Its exit code, by itself."""
        while self.more():
            pass
        return self.process.wait(max(0.1, self.end - time.monotonic()))

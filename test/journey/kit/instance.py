# SPDX-License-Identifier: Apache-2.0
"""A throw-away instance of the real programs: start, look at, change, stop.

Everything is found through endpoints.json, as any other client would.  Only
processes of the instance's own group are ever signalled.
"""
import base64
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get('LL_BUILD', ROOT / 'build')).resolve()
PROGRAM = BUILD / 'letterlock'
HOST = 'mx.example.test'
# A build with sanitizers is slower, and says more at its end.
SANITIZED = PROGRAM.exists() and b'__asan_init' in PROGRAM.read_bytes()
START_TRIES, STOP_SECONDS = (60, 15) if SANITIZED else (30, 5)
# Above 20 users their passwords are hashed cheaply.
USERS, ITERATIONS = (21, 4096) if SANITIZED else (20, 100000)


def wait(what, seconds=5.0, pause=0.01):
    """The first true value of what(); None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(pause)


def alive(pid):
    """Running; one that has ended and only waits to be reaped is not."""
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rsplit(')', 1)[1].split()[0] not in 'ZX'


def sanitizer_report(text):
    """The first report of a sanitizer in what a process said, or None."""
    found = re.search(r'ERROR: \w*Sanitizer|runtime error:|Sanitizer(?:Tool)?: (?:CHECK|nested)|'
                      r'LeakSanitizer has encountered', text)
    return text[max(0, text.rfind('\n', 0, found.start()) + 1):][:8000] if found else None


def short_folder():
    return pathlib.Path(tempfile.mkdtemp(prefix='ll.'))


def busy():
    """1.0, and more where others are at work on this machine."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def spare_port():
    """Nobody's now, and below those that the system gives to connections."""
    while True:
        port = random.randrange(20000, 32000)
        try:
            for host in ('127.0.0.1', '127.0.0.2'):
                with socket.socket() as sock:
                    sock.bind((host, port))
            return port
        except OSError:
            continue


class Account:
    def __init__(self, row):
        self.user, self.password = row['user'], row['password']
        self.local = self.user.split('@')[0]

    def plain(self):
        return base64.b64encode(f'\0{self.user}\0{self.password}'.encode())


class Instance:
    def __init__(self, folder=None, users=20, options=(), wrap=(), env=None, program=PROGRAM):
        self.own_folder = folder is None
        self.dir = pathlib.Path(folder) if folder else short_folder()
        self.words = [*wrap, str(program), 'demo', '--dir', str(self.dir),
                      '--users', str(users), *options]
        self.env = env
        self.process = None
        self.started_in = 0.0
        self.errors_seen = self.log_seen = 0
        self.secrets = set()

    # ---- life ----
    def launch(self):
        self.dir.mkdir(exist_ok=True)
        self.stderr_path = self.dir.parent / (self.dir.name + '.stderr')
        out = self.stderr_path.open('ab')
        self.begun = time.monotonic()
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=out, start_new_session=True, env=self.env,
                                        cwd='/')
        out.close()
        return self

    def start(self):
        self.launch()
        for _ in range(START_TRIES):
            if wait(lambda: self.is_up() or self.process.poll() is not None, 1.0):
                break
        assert self.process.poll() is None, f'ended with {self.process.returncode}:\n{self.errors()}'
        assert self.is_up(), f'not up in {START_TRIES} s:\n{self.errors()}'
        self.started_in = time.monotonic() - self.begun
        self.load()
        return self

    @property
    def file(self):
        return self.dir / 'endpoints.json'

    def is_up(self):
        """The file is there, and not the one of an earlier run."""
        try:
            return self.pids()['supervisor'] == [self.process.pid]
        except FileNotFoundError:
            return False

    def load(self):
        self.endpoints = json.loads(self.file.read_text())
        self.ports = self.endpoints['ports']
        self.ca = self.endpoints['ca']
        self.log = pathlib.Path(self.endpoints['log'])
        self.config = pathlib.Path(self.endpoints['config'])
        self.accounts = [Account(row) for row in self.endpoints['accounts']]
        self.alice, self.bob = self.accounts[:2]
        self.secrets |= {a.password for a in self.accounts[:2]}
        return self.endpoints

    def account(self, name):
        return next(a for a in self.accounts if a.local == name)

    def pids(self):
        """Role name -> list of process ids, as the file says now."""
        return json.loads(self.file.read_text())['pids']

    def every_pid(self):
        return sorted(pid for pids in self.pids().values() for pid in pids)

    def stop(self, sig=signal.SIGTERM):
        """The contract: exit 0 within 5 s, nothing left."""
        pids = self.every_pid()
        begin = time.monotonic()
        self.process.send_signal(sig)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'still there {STOP_SECONDS} s after the signal') from None
        self.stopped_in = time.monotonic() - begin
        assert code == 0, f'exit code {code}:\n{self.errors()}'
        left = wait(lambda: not [p for p in pids if alive(p)], 1.0)
        assert left, f'left running: {[p for p in pids if alive(p)]}'

    def kill(self):
        """Without a goodbye; the roles have to notice by themselves."""
        self.process.kill()
        self.process.wait()

    def clean(self):
        """Whatever happened before: nothing stays."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            if self.process.poll() is None:
                self.process.wait()
        report = sanitizer_report(self.errors()) if hasattr(self, 'stderr_path') else None
        if self.own_folder and not os.environ.get('LL_KEEP'):
            shutil.rmtree(self.dir, ignore_errors=True)
            if hasattr(self, 'stderr_path'):
                self.stderr_path.unlink(missing_ok=True)
        assert report is None, report

    # ---- looking ----
    def errors(self):
        return self.stderr_path.read_text(errors='replace')

    def log_text(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def log_rows(self, event=None):
        """Lines of the JSON log, those of one event when it is named."""
        rows = [json.loads(line) for line in self.log_text().splitlines() if line]
        return [row for row in rows if event is None or row['event'] == event]

    def memory(self, pid):
        """Bytes that belong to the process alone."""
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(re.search(r'RssAnon:\s+(\d+) kB', text).group(1)) * 1024

    def cpu(self):
        """Seconds that all processes have used."""
        ticks = 0
        for pid in self.every_pid():
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf('SC_CLK_TCK')

    # ---- talking ----
    def context(self, **options):
        """A client that checks certificates strictly."""
        context = ssl.create_default_context(cafile=self.ca)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def ll(self, *words, text=None, code=0):
        """A verb of the command line; its output."""
        done = subprocess.run([str(PROGRAM), *words, '--config', str(self.config)],
                              input=text, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL if text is None else None)
        assert code is None or done.returncode == code, (words, done.returncode, done.stdout,
                                                         done.stderr)
        done.all = done.stdout + done.stderr
        assert sanitizer_report(done.stderr) is None, done.stderr
        return done

    def rows(self, *words, **options):
        return json_rows(self.ll(*words, '--json', **options).stdout)

    def new_account(self, name, password, **options):
        """An account that can log in."""
        self.secrets.add(password)
        self.ll('account', 'add', name, *[f'--{k}={v}' for k, v in options.items()])
        self.ll('account', 'passwd', name, text=password + '\n')
        return Account({'user': name, 'password': password})

    # ---- changing the configuration ----
    def set_option(self, block, option, value):
        """In the text of the configuration; reload() makes it count."""
        text = self.config.read_text()
        line = f'{option} {value};'
        match = re.search(rf'^{block}\s*\{{', text, re.M)
        if match is None:
            text += f'\n{block} {{ {line} }}\n'
        else:
            end = text.index('}', match.end())
            inner = re.sub(rf'(?<![\w-]){option}\s[^;]*;', '', text[match.end():end])
            text = text[:match.end()] + f' {line}' + inner + text[end:]
        self.config.write_text(text)

    def in_listener(self, name, words):
        """Statements at the beginning of a listener's block."""
        text, head = self.config.read_text(), f'listener {name} {{'
        assert head in text
        self.config.write_text(text.replace(head, f'{head} {words}', 1))

    def reload(self):
        count = self.log_text().count('conf.reloaded')
        self.process.send_signal(signal.SIGHUP)
        assert wait(lambda: self.log_text().count('conf.reloaded') > count, 5), self.log_text()[-2000:]


def json_rows(text):
    """What --json prints: an object, a list, or an object a line."""
    text = text.strip()
    if not text:
        return []
    try:
        value = json.loads(text)
        return value if isinstance(value, list) else [value]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]

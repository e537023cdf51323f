#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server with good and bad manners: web_server.py FOLDER

Makes certificates in FOLDER (ca.pem is the authority), listens on two ports of
127.0.0.1, one with TLS and one with none, and prints both in a line.  The name
that the client asks for chooses the certificate, the path the manners.  Ends when
its standard input does.
"""
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

POLICY = b'version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 86400\n'
KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']


def openssl(*words):
    subprocess.run(['openssl', *map(str, words)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def certificates(folder):
    """{name that is asked for: context}"""
    ca = folder / 'ca.pem', folder / 'ca.key'
    openssl('req', '-x509', *KEY, '-keyout', ca[1], '-out', ca[0], '-subj', '/CN=ca', '-days', 9)
    made = {}
    for asked, inside, days, signed in [('good.test', 'good.test', 9, True),
                                        ('wrong.test', 'other.test', 9, True),
                                        ('expired.test', 'expired.test', -1, True),
                                        ('stranger.test', 'stranger.test', 9, False)]:
        base, names = folder / asked, f'subjectAltName=DNS:{inside}'
        files = ['-keyout', f'{base}.key', '-subj', f'/CN={inside}', '-addext', names]
        if signed:
            openssl('req', '-new', *KEY, *files, '-out', f'{base}.csr')
            openssl('x509', '-req', '-in', f'{base}.csr', '-CA', ca[0], '-CAkey', ca[1],
                    '-copy_extensions', 'copy', '-days', days, '-out', f'{base}.pem')
        else:
            openssl('req', '-x509', *KEY, *files, '-days', days, '-out', f'{base}.pem')
        made[asked] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made[asked].load_cert_chain(f'{base}.pem', f'{base}.key')
        made[asked].set_alpn_protocols(['h2', 'http/1.1'])
    return made


def answer(body, status='200 OK', media='text/plain', more=''):
    return (f'HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{more}'
            f'Content-Length: {len(body)}\r\n\r\n').encode() + body


def forever(c, start, piece, pause=0.0):
    c.sendall(start)
    while True:
        c.sendall(piece)
        time.sleep(pause)


def serve(c, request):
    path = request.split(b' ', 2)[1].decode().partition('?')[0]
    plain = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'
    if path == '/.well-known/mta-sts.txt':
        c.sendall(answer(POLICY))
    elif path == '/echo':
        c.sendall(answer(request, media='message/http', more='Set-Cookie: a=b; Path=/\r\n'))
    elif path.startswith('/large/'):
        c.sendall(answer(b'x' * int(path.split('/')[2])))
    elif path.startswith('/chunks/'):
        c.sendall(plain + b'Transfer-Encoding: chunked\r\n\r\n')
        for _ in range(int(path.split('/')[2])):
            c.sendall(b'400\r\n' + b'y' * 1024 + b'\r\n')
        c.sendall(b'0\r\n\r\n')
    elif path == '/redirect':
        c.sendall(answer(b'', '302 Found', more='Location: https://good.test/echo\r\n'))
    elif path == '/missing':
        c.sendall(answer(b'no', '404 Not Found', 'text/html; ' + 'p' * 300))
    elif path == '/slow':
        forever(c, plain + b'Content-Length: 60000\r\n\r\n', b'z', 0.05)
    elif path == '/silent':
        time.sleep(60)
    elif path == '/short':
        c.sendall(plain + b'Content-Length: 100\r\n\r\nten bytes.')
    elif path == '/cut':  # no length, and TCP ends without a word of TLS
        c.sendall(plain + b'\r\nversion: STSv1\n')
        c.shutdown(socket.SHUT_RDWR)
        return
    elif path == '/closed':  # no length, and the end that TLS has
        c.sendall(plain + b'\r\nversion: STSv1\n')
    elif path == '/fields':
        forever(c, plain, b'X-More: ' + b'm' * 1000 + b'\r\n')
    elif path == '/line':
        forever(c, plain, b'm' * 1000)
    elif path == '/interim':
        forever(c, b'', b'HTTP/1.1 100 Continue\r\n\r\n')
    elif path == '/endless':
        forever(c, plain + b'Transfer-Encoding: chunked\r\n\r\n', b'10\r\n' + b'e' * 16 + b'\r\n')
    elif path == '/nothing':
        return
    elif path == '/old':
        c.sendall(b'just text\n')
    c.unwrap()


def talk(raw, contexts):
    first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    first.load_cert_chain(*contexts['good.test'])
    first.set_alpn_protocols(['h2', 'http/1.1'])

    def choose(sock, name, _):
        sock.context = contexts['made'][name if name in contexts['made'] else 'good.test']

    first.sni_callback = choose
    try:
        with first.wrap_socket(raw, server_side=True) as c:
            request = b''
            while b'\r\n\r\n' not in request:
                request += c.recv(65536)
            head, _, body = request.partition(b'\r\n\r\n')
            for line in head.split(b'\r\n'):
                if line.lower().startswith(b'content-length:'):
                    while len(body) < int(line.split(b':')[1]):
                        body += c.recv(65536)
            serve(c, head + b'\r\n\r\n' + body)
    except OSError:
        pass  # the client left, as it should where manners are bad


def plain(raw):
    with raw:
        raw.recv(4096)
        raw.sendall(answer(POLICY))


def listen(handler):
    s = socket.create_server(('127.0.0.1', 0), backlog=64)

    def run():
        while True:
            threading.Thread(target=handler, args=(s.accept()[0],), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return s.getsockname()[1]


def main():
    folder = pathlib.Path(sys.argv[1])
    made = certificates(folder)
    contexts = {'made': made, 'good.test': (folder / 'good.test.pem', folder / 'good.test.key')}
    print(listen(lambda c: talk(c, contexts)), listen(plain), flush=True)
    sys.stdin.read()


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""One web server for the MTA-STS policies of all domains; what it shows follows from the name asked for."""
import http.server
import ssl
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.headers.get("Host", "").split(":")[0]
        policy = self.server.policies.get(host)
        self.server.asked.append((host, self.path))
        if policy is None or self.path != "/.well-known/mta-sts.txt":
            self.send_error(404)
            return
        if policy.web == "slow":
            time.sleep(3)
        if policy.web == "redirect":
            self.send_response(301)
            self.send_header("Location", f"https://{host}/other")
            self.end_headers()
            return
        body = policy.text.encode() if policy.web != "huge" else policy.text.encode() + b"x: y\r\n" * 300000
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if policy.web == "media" else "text/plain")
        self.send_header("Content-Length", str(len(body) + (100 if policy.web == "short" else 0)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Web:
    """papers: host -> (chain, key)."""

    def __init__(self, address, papers, policies):
        self.server = Server((address, 443), Handler)
        self.server.policies, self.server.asked = policies, []
        contexts = {}
        for host, paper in papers.items():
            contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[host].load_cert_chain(*paper)

        def choose(sock, name, _context):
            if name in contexts:
                sock.context = contexts[name]
        first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        first.load_cert_chain(*next(iter(papers.values())))
        first.sni_callback = choose
        self.server.socket = first.wrap_socket(self.server.socket, server_side=True,
                                               do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def asked(self):
        return self.server.asked

    def close(self):
        self.server.shutdown()
        self.server.server_close()

# SPDX-License-Identifier: Apache-2.0
"""All cases at once: a domain for each, its records, its servers, its web page."""
import pathlib
import shutil
import tempfile

from lab.net import add_v6
from lab.names import Names
from lab.papers import Papers
from lab.server import Server
from lab.web import Web

WEB = "127.0.0.44"
POLICY = "version: STSv1\r\nmode: {mode}\r\n{mx}max_age: {age}\r\n"


class Place:
    """A case with what the lab made for it."""

    def __init__(self, number, case):
        self.number, self.case = number, case
        self.zone = f"{case.zone}.example"
        self.domain = f"c{number}.{self.zone}"
        self.recipient = f"{'grüße' if case.utf8 else 'someone'}@{self.domain}"
        self.servers, self.papers = [], []

    def __repr__(self):
        return self.case.name


class World:
    """ours: (name, address) of the server under test."""

    def __init__(self, cases, ours=("mx.example.test", "127.0.0.1")):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ll.lab."))
        self.folder.chmod(0o755)
        self.ours, self.papers, self.names = ours, Papers(), Names(self.folder)
        self.authorities = self.folder / "authorities.pem"
        self.authorities.write_bytes(self.papers.known.chain())
        # Certificates of ours, by the names of their blocks.
        self.own = {"ours": self.papers.make("good", "our-client.example").write(self.folder, "ours"),
                    "narrow": self.papers.make("servers", "our-server.example").write(self.folder, "narrow")}
        self.policies, self.web_papers, self.web = {}, {}, None
        self.places = [Place(number, case) for number, case in enumerate(cases, 1)]
        for place in self.places:
            self.settle(place)
        self.names.write()

    # ---- making ----
    def settle(self, place):
        for index, host in enumerate(place.case.hosts):
            self.add_host(place, index, host)
        self.add_route(place)
        if place.case.sts is not None:
            self.add_policy(place, place.case.sts)

    def add_host(self, place, index, host):
        host.name = f"mx{index}.{place.domain}"
        own = f"127.9.{place.number}.{index + 1}"
        addresses = [host.address or own] if "4" in host.families else []
        if "6" in host.families:
            addresses.append(add_v6(place.number * 16 + index))
        name = host.name
        if host.alias:
            self.names.add(place.zone, host.name, "CNAME", f"real-{host.name}.")
            name = f"real-{host.name}"
        for address in addresses:
            self.names.add(place.zone, name, "AAAA" if ":" in address else "A", address)
        paper = self.papers.make(host.paper, host.name) if host.paper else None
        place.papers.append(paper)
        files = paper.write(self.folder, host.name) if paper else None
        # A server that must not be reached is not there to be reached.
        place.servers.append([Server(a, host, files, client_ca=self.authorities)
                              for a in addresses if a != host.address])
        self.add_tlsa(place, name, host, paper)

    def add_tlsa(self, place, name, host, paper):
        owner = f"_25._tcp.{name}"
        if host.tlsa_zone == "servfail":
            self.names.dead(place.zone, f"_tcp.{name}")
            return
        for words in host.tlsa:
            usage, selector, matching, *bad = words.split()
            source = paper.issuer if int(usage) == 2 else paper
            data = source.tlsa(int(usage), int(selector), int(matching))
            if bad:
                data = data[:-8] + ("00000000" if data[-8:] != "00000000" else "11111111")
            self.names.add(place.zone, owner, "TLSA", data)
            if host.tlsa_zone == "bogus":
                self.names.forge(owner, "TLSA", data[-8:], "0badbad0")

    def add_route(self, place):
        how, zone, domain = place.case.mx, place.zone, place.domain
        if how == "null":
            self.names.add(zone, domain, "MX", "0 .")
        elif how == "none":
            self.names.add(zone, domain, "A", place.servers[0][0].address)
        elif how == "servfail":
            self.names.records[zone] = [r for r in self.names.records[zone] if not f".{domain}." in r.split(" ")[0]]
            self.names.dead(zone, domain)
        elif how == "self":
            self.names.add(zone, domain, "MX", f"10 mx0.{domain}.")
            self.names.add(zone, f"mx0.{domain}", "A", self.ours[1])
        elif how != "missing":
            owner = domain
            if how == "cname":
                self.names.add(zone, domain, "CNAME", f"other-{domain}.")
                owner = f"other-{domain}"
            for host in place.case.hosts:
                self.names.add(zone, owner, "MX", f"{host.preference} {host.name}.")
            if how == "bogus":
                self.names.forge(domain, "MX", f"mx0.{domain}", f"mx9.{domain}")

    def add_policy(self, place, policy):
        domain, host = place.domain, f"mta-sts.{place.domain}"
        record = place.case.sts_record or '"v=STSv1; id=1;"'
        for one in record.split("\n@TXT "):
            self.names.add(place.zone, f"_mta-sts.{domain}", "TXT", one)
        self.names.add(place.zone, host, "A", WEB)
        mx = (policy.mx or f"mx0.{domain}").format(domain=domain)
        policy.text = POLICY.format(mode=policy.mode, age=policy.age, mx=f"mx: {mx}\r\n")
        if policy.web != "none":
            self.policies[host] = policy
        self.web_papers[host] = self.papers.make(policy.paper, host).write(self.folder, host)

    # ---- life ----
    def start(self):
        self.names.start()
        for place in self.places:
            for servers in place.servers:
                for server in servers:
                    server.start()
        if self.web_papers:
            self.web = Web(WEB, self.web_papers, self.policies)

    def stop(self):
        self.names.stop()
        for place in self.places:
            for servers in place.servers:
                for server in servers:
                    server.close()
        if self.web is not None:
            self.web.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- looking ----
    @staticmethod
    def deliveries(place):
        """(number of the host, Delivery) of all that came."""
        return [(index, seen) for index, servers in enumerate(place.servers)
                for server in servers for seen in server.seen]

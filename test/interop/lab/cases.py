# SPDX-License-Identifier: Apache-2.0
"""The table: what a domain has, and how mail to it travels or why it does not."""
from lab.case import Bounced, Case, Deferred, Delivered, Host, Policy

CLEAR = Delivered(tls=False, by="opportunistic")
TLS = Delivered(by="opportunistic")
DANE = Delivered(by="DANE")
STS = Delivered(by="MTA-STS")
RULE = Delivered(by="our rule")


def dane(*records, **more):
    return [Host(tlsa=list(records), **more)]


OPPORTUNISTIC = [
    Case("no STARTTLS", CLEAR, [Host(starttls="absent")]),
    Case("a good certificate", TLS),
    Case("an expired certificate", TLS, [Host("expired")]),
    Case("a self-signed certificate", TLS, [Host("self")]),
    Case("a certificate of another name", TLS, [Host("wrong")]),
    Case("an unknown authority", TLS, [Host("unknown")]),
    Case("STARTTLS refused", CLEAR, [Host(starttls="refuse")]),
    Case("garbage for a handshake", CLEAR, [Host(starttls="garbage")]),
    Case("closed for a handshake", CLEAR, [Host(starttls="close")]),
    Case("TLS 1.0 only", CLEAR, [Host(old_tls=True)]),
]

BY_DANE = [
    Case("DANE 3 1 1", DANE, dane("3 1 1"), "signed"),
    Case("DANE 3 0 1", DANE, dane("3 0 1"), "signed"),
    Case("DANE 3 1 2", DANE, dane("3 1 2"), "signed"),
    Case("DANE 3 1 0", DANE, dane("3 1 0"), "signed"),
    Case("DANE 2 1 1", DANE, dane("2 1 1"), "signed"),
    Case("DANE 2 0 1", DANE, dane("2 0 1"), "signed"),
    Case("DANE 2 1 1 of an authority that nobody else knows", DANE, dane("2 1 1", paper="unknown"), "signed"),
    Case("DANE 2 1 1, another name", Deferred(), dane("2 1 1", paper="unknown-wrong"), "signed"),
    Case("DANE 2 1 1, expired", Deferred(), dane("2 1 1", paper="expired"), "signed"),
    Case("DANE 3 1 1, another name", DANE, dane("3 1 1", paper="wrong"), "signed"),
    Case("DANE 3 1 1, self-signed and expired", DANE, dane("3 1 1", paper="self-expired"), "signed"),
    Case("DANE 3 1 1 that does not match", Deferred(), dane("3 1 1 bad"), "signed"),
    Case("DANE 2 1 1 that does not match", Deferred(), dane("2 1 1 bad"), "signed"),
    Case("DANE with the next key beside this one", DANE, dane("3 1 1 bad", "3 1 1"), "signed"),
    Case("DANE of usage 1 alone: TLS, no proof", DANE, dane("1 1 1", paper="self"), "signed"),
    Case("DANE of usage 1 alone, no TLS", Deferred(), dane("1 1 1", starttls="absent"), "signed"),
    Case("DANE, no STARTTLS", Deferred(), dane("3 1 1", starttls="absent"), "signed"),
    Case("DANE, STARTTLS refused", Deferred(), dane("3 1 1", starttls="refuse"), "signed"),
    Case("DANE, garbage for a handshake", Deferred(), dane("3 1 1", starttls="garbage"), "signed"),
    Case("TLSA forged", Deferred(), dane("3 1 1", tlsa_zone="bogus"), "signed"),
    Case("TLSA not to be had", Deferred(), dane("3 1 1", tlsa_zone="servfail"), "signed"),
    Case("TLSA in a zone that is not signed", TLS, dane("3 1 1 bad")),
    Case("the first does not match, the second does", Delivered(by="DANE", host=1),
         [Host(tlsa=["3 1 1 bad"]), Host(tlsa=["3 1 1"], preference=20)], "signed"),
    Case("the MX is a CNAME, all signed", DANE, dane("3 1 1", alias=True), "signed"),
    Case("signed and no TLSA", TLS, [Host("self")], "signed"),
    Case("signed, no TLSA, no STARTTLS", CLEAR, [Host(starttls="absent")], "signed"),
]

BY_STS = [
    Case("STS enforce", STS, sts=Policy()),
    Case("STS enforce, by a pattern", STS, sts=Policy(mx="*.{domain}")),
    Case("STS enforce, another name", Deferred(), [Host("wrong")], sts=Policy()),
    Case("STS enforce, expired", Deferred(), [Host("expired")], sts=Policy()),
    Case("STS enforce, self-signed", Deferred(), [Host("self")], sts=Policy()),
    Case("STS enforce, no STARTTLS", Deferred(), [Host(starttls="absent")], sts=Policy()),
    Case("STS enforce, a host that is not in it", Deferred(), sts=Policy(mx="other.example")),
    Case("STS enforce, the second host is in it", Delivered(by="MTA-STS", host=1),
         [Host(), Host(preference=20)], sts=Policy(mx="mx1.{domain}")),
    Case("STS testing, another name", Delivered(by=None), [Host("wrong")], sts=Policy("testing")),
    Case("STS testing, no STARTTLS", Delivered(by=None, tls=False), [Host(starttls="absent")],
         sts=Policy("testing")),
    Case("STS none", Delivered(by=None, tls=False), [Host(starttls="absent")], sts=Policy("none")),
    Case("STS: 404", CLEAR, [Host(starttls="absent")], sts=Policy(web="none")),
    Case("STS: the web server's certificate is of another name", CLEAR, [Host(starttls="absent")],
         sts=Policy(paper="wrong")),
    Case("STS: its certificate has expired", CLEAR, [Host(starttls="absent")], sts=Policy(paper="expired")),
    Case("STS: a redirect", CLEAR, [Host(starttls="absent")], sts=Policy(web="redirect")),
    Case("STS: text/html", CLEAR, [Host(starttls="absent")], sts=Policy(web="media")),
    Case("STS: more than a policy may have", CLEAR, [Host(starttls="absent")], sts=Policy(web="huge")),
    Case("STS: ended early", CLEAR, [Host(starttls="absent")], sts=Policy(web="short")),
    Case("STS: slow", STS, sts=Policy(web="slow")),
    Case("STS: two records", CLEAR, [Host(starttls="absent")], sts=Policy(),
         sts_record='"v=STSv1; id=1;" "v=STSv1; id=2;"'.replace('" "', '"\n@TXT "')),
    Case("STS: a malformed record", CLEAR, [Host(starttls="absent")], sts=Policy(),
         sts_record='"v=STSv1; id=not-allowed!;"'),
    Case("DANE comes before STS: good", DANE, dane("3 1 1", paper="self"), "signed", sts=Policy()),
    Case("DANE comes before STS: bad", Deferred(), dane("3 1 1 bad"), "signed", sts=Policy()),
]

BY_SENDER = [
    Case("REQUIRETLS, offered, DANE", Delivered(by=None, parameter="REQUIRETLS"),
         dane("3 1 1", requiretls=True), "signed", requiretls=True),
    Case("REQUIRETLS, offered, STS", Delivered(by=None, parameter="REQUIRETLS"),
         [Host(requiretls=True)], sts=Policy(), requiretls=True),
    Case("REQUIRETLS, not offered", Bounced("5.7.30"), dane("3 1 1"), "signed", requiretls=True),
    Case("REQUIRETLS, no STARTTLS", Bounced("5.7.30|5.7.10"), dane("3 1 1", starttls="absent"), "signed",
         requiretls=True),
    Case("TLS-Required: No, DANE does not match", Delivered(by=None), dane("3 1 1 bad"), "signed",
         tls_required_no=True),
    Case("TLS-Required: No, STS and another name", Delivered(by=None), [Host("wrong")], sts=Policy(),
         tls_required_no=True),
]

BY_RULE = [
    Case("rule none", Delivered(by="our rule", tls=False), rule="tls none;"),
    Case("rule encrypt, self-signed", RULE, [Host("self")], rule="tls encrypt;"),
    Case("rule encrypt, no STARTTLS", Deferred(), [Host(starttls="absent")], rule="tls encrypt;"),
    Case("rule fingerprint", RULE, [Host("self")], rule="tls fingerprint; fingerprint {fingerprint};"),
    Case("rule fingerprint, another key", Deferred(), rule="tls fingerprint; fingerprint " + "ab" * 32 + ";"),
    Case("rule dane-only, no TLSA", Deferred(), zone="signed", rule="tls dane-only;"),
    Case("rule dane-only", Delivered(by=None), dane("3 1 1"), "signed", rule="tls dane-only;"),
    Case("rule verify", RULE, rule="tls verify;"),
    Case("rule verify, another name", Deferred(), [Host("wrong")], rule="tls verify;"),
    Case("rule verify, that name", RULE, [Host("wrong")], rule="tls verify; name elsewhere.example;"),
    Case("rule secure, a name of the domain", RULE, rule="tls secure;"),
    Case("rule secure, another name", Deferred(), [Host("wrong")], rule="tls secure;"),
    Case("rule encrypt, DANE does not match", Deferred(), dane("3 1 1 bad"), "signed", rule="tls encrypt;"),
    Case("rule encrypt, DANE shall not count", RULE, dane("3 1 1 bad"), "signed",
         rule="tls encrypt; ignore-published on;"),
]

# The certificate of ours is shown to who asks, in TLS 1.3, and where a rule names it.
BY_CERTIFICATE = [
    Case("a certificate of ours is shown", Delivered(client="our-client.example"), [Host(client="optional")],
         rule="certificate ours;"),
    Case("a certificate of ours is required", Delivered(client="our-client.example"), [Host(client="required")],
         rule="certificate ours; tls verify;"),
    Case("asked for by TLS 1.2: none is shown", RULE, [Host(client="optional", newest=False)],
         rule="certificate ours;"),
    Case("a certificate of ours is for servers alone", RULE, rule="certificate narrow;"),
    Case("the same, and who asks minds", Deferred(), [Host(client="optional")], rule="certificate narrow;"),
    Case("asked for, no rule names one", TLS, [Host(client="optional")]),
    Case("required, no rule names one", Deferred(), [Host(client="required")]),
]

ROUTES = [
    Case("null MX", Bounced("5.1.10"), mx="null"),
    Case("no MX: the address", TLS, mx="none"),
    Case("no such domain", Bounced("5.1.2"), [], mx="missing"),
    Case("MX forged", Deferred(), zone="signed", mx="bogus"),
    Case("MX not to be had", Deferred(), mx="servfail"),
    Case("the MX is a CNAME", TLS, [Host(alias=True)]),
    Case("the domain is a CNAME", TLS, mx="cname"),
    Case("the first is down", Delivered(host=1), [Host(listens=False), Host(preference=20)]),
    Case("the first says 421", Delivered(host=1), [Host(greeting="421 4.3.2 later"), Host(preference=20)]),
    Case("the first has no address", Delivered(host=1), [Host(families=""), Host(preference=20)]),
    Case("we are the first", Bounced("5.4.6"), [], mx="self"),
    Case("a private address", Deferred(), [Host(address="10.1.2.3", listens=False)]),
    Case("IPv6 alone", TLS, [Host(families="6")]),
    Case("IPv4 and IPv6", TLS, [Host(families="46")]),
    Case("a recipient refused for now", Deferred("try later"), [Host(rcpt="451 4.7.1 try later")]),
    Case("a recipient refused", Bounced("5.1.1", "nobody here"), [Host(rcpt="550 5.1.1 nobody here")]),
    Case("a sender refused", Bounced("5.7.1"), [Host(mail="550 5.7.1 not you")]),
    Case("the message refused", Bounced("5.6.0"), [Host(end="554 5.6.0 not this")]),
    Case("the message refused for now", Deferred("disk full"), [Host(end="452 4.3.1 disk full")]),
    Case("no reply to the message", Deferred(), [Host(end="drop")]),
    Case("an address with UTF-8, not offered", Bounced("5.6.7|5.6.9"), utf8=True),
    Case("an address with UTF-8", TLS, [Host(extensions=("SMTPUTF8",))], utf8=True),
]

CASES = OPPORTUNISTIC + BY_DANE + BY_STS + BY_SENDER + BY_RULE + BY_CERTIFICATE + ROUTES

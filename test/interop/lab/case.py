# SPDX-License-Identifier: Apache-2.0
"""What a case is: a domain, its mail servers, its policy, our rule; and what has to come of it."""
import dataclasses


@dataclasses.dataclass
class Host:
    """A mail server.  name: set by the lab, unless another is to be named."""
    paper: str | None = "good"  # papers.Papers.make
    starttls: str = "offer"     # absent, refuse, garbage, close
    tlsa: list = dataclasses.field(default_factory=list)  # "3 1 1", "3 1 1 bad"
    tlsa_zone: str = "same"     # bogus, servfail
    requiretls: bool = False
    old_tls: bool = False
    client: str = ""            # optional, required: a certificate of its client
    newest: bool = True         # TLS 1.3
    extensions: tuple = ()
    greeting: str | None = None
    mail: str = "250 2.1.0 ok"
    rcpt: str = "250 2.1.5 ok"
    end: str = "250 2.0.0 kept"
    listens: bool = True
    preference: int = 10
    address: str | None = None  # instead of one of its own
    alias: bool = False         # the MX names a CNAME
    families: str = "4"         # "6", "46", "" (no address at all)
    name: str = ""


@dataclasses.dataclass
class Policy:
    mode: str = "enforce"
    mx: str | None = None  # None: the host's name
    age: int = 86400
    paper: str = "good"
    web: str = "fine"      # redirect, media, huge, short, slow, none (404)
    text: str = ""         # made by the lab


@dataclasses.dataclass
class Delivered:
    by: str | None = None  # who decided, as in the log
    tls: bool = True
    host: int = 0
    parameter: str = ""    # in MAIL FROM
    client: str | None = None  # name in the certificate of ours that it saw


@dataclasses.dataclass
class Deferred:
    why: str = ""          # a regular expression in what the queue says


@dataclasses.dataclass
class Bounced:
    status: str = ""       # RFC 3463, in the report
    why: str = ""


@dataclasses.dataclass
class Case:
    name: str
    expect: object
    hosts: list = dataclasses.field(default_factory=lambda: [Host()])
    zone: str = "plain"    # signed
    mx: str = "records"    # none (address of the domain), null, bogus, servfail, self, missing, cname
    sts: Policy | None = None
    sts_record: str | None = None
    rule: str | None = None  # lines of a destination block
    requiretls: bool = False
    tls_required_no: bool = False
    utf8: bool = False

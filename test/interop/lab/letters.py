# SPDX-License-Identifier: Apache-2.0
"""Letters to compare IMAP servers by: name -> bytes, hand-made ones and generated ones.

The hand-made ones are what standards allow and what programs have sent against them;
generated ones put such pieces together by a seed, so that every run has the same.
All lines end with CRLF: what servers make of others on APPEND is another matter.
"""
import base64
import quopri
import random

GENERATED = 240
DATE = "Date: Tue, 03 Mar 2026 10:20:30 +0100"


def crlf(text):
    data = text if isinstance(text, bytes) else text.encode()
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def letter(fields, body="body\n"):
    return crlf(fields.strip("\n") + "\n\n" + body)


def head(subject, more="", body="body\n"):
    return letter(f"From: A <a@one.example>\nTo: b@two.example\nSubject: {subject}\n{DATE}\n"
                  f"Message-ID: <{abs(hash_of(subject + more))}@one.example>\n{more}", body)


def hash_of(text):
    number = 7
    for byte in text.encode():
        number = number * 31 + byte & 0xffffffff
    return number


def mime(kind, body, subject="mime"):
    return head(subject, f"MIME-Version: 1.0\nContent-Type: {kind}\n", body)


def parts(boundary, *each, preamble="preamble\n", epilogue="epilogue\n", last=True):
    text = preamble
    for one in each:
        text += f"--{boundary}\n{one}\n"
    return text + (f"--{boundary}--\n{epilogue}" if last else "")


def multi(boundary, *each, kind="mixed", **options):
    return mime(f'multipart/{kind}; boundary="{boundary}"', parts(boundary, *each, **options))


TEXT = "Content-Type: text/plain; charset=utf-8\n\nGrüße\n"
HTML = "Content-Type: text/html\n\n<p>Hello <b>world</b>\n"
FILE = ('Content-Type: application/pdf; name="a.pdf"\nContent-Transfer-Encoding: base64\n'
        'Content-Disposition: attachment; filename="a.pdf"; size=12\n\nJVBERi0xLjQK\n')
INNER = "From: in@three.example\nSubject: inner\nDate: Mon, 2 Mar 2026 09:00:00 GMT\n\ninner body\n"


def addresses():
    """From-like fields, each in a letter of its own."""
    fields = {
        "plain": "a@b.example",
        "angle": "<a@b.example>",
        "name": "Ann Bell <a@b.example>",
        "quoted": '"Bell, Ann" <a@b.example>',
        "escaped": r'"Ann \"B\" \\ Bell" <a@b.example>',
        "comment": "a@b.example (Ann Bell)",
        "comments": "(one) Ann (two) <a@b.example> (three)",
        "nested-comment": "a@b.example (Ann (the (one)) Bell)",
        "two": "a@b.example, c@d.example",
        "many": ", ".join(f"u{n}@b.example" for n in range(40)),
        "folded": "Ann Bell\n <a@b.example>,\n\tCarl <c@d.example>",
        "group": "friends: a@b.example, Carl <c@d.example>;",
        "group-empty": "undisclosed-recipients:;",
        "group-named": '"my friends": a@b.example;, e@f.example',
        "groups": "one: a@b.example;, two: c@d.example;",
        "group-open": "open: a@b.example, c@d.example",
        "route": "<@hop.example,@two.example:a@b.example>",
        "dots": "a.b.c@b.example",
        "quoted-local": '"a b"@b.example',
        "quoted-local-plain": '"ab"@b.example',
        "literal": "a@[192.0.2.1]",
        "spaces-at": "a @ b.example",
        "obsolete-dots": "a . b @ b . example",
        "dot-name": "J. R. Smith <j@b.example>",
        "no-domain": "root",
        "no-domain-angle": "Root <root>",
        "empty": "",
        "blank": " ",
        "empty-angle": "<>",
        "name-only": "Ann Bell",
        "comma-only": ",",
        "commas": "a@b.example,,,c@d.example,",
        "encoded": "=?utf-8?Q?J=C3=B6rg?= <j@b.example>",
        "encoded-b": "=?iso-8859-1?B?SvZyZw==?= <j@b.example>",
        "encoded-quoted": '"=?utf-8?Q?J=C3=B6rg?=" <j@b.example>',
        "utf8": "Jörg Müller <jörg@b.example>",
        "unclosed-angle": "Ann <a@b.example",
        "unclosed-quote": '"Ann <a@b.example>',
        "unclosed-comment": "a@b.example (Ann",
        "semicolons": "a@b.example; c@d.example",
        "two-at": "a@b@c.example",
        "angle-twice": "<<a@b.example>>",
        "mailto": "<mailto:a@b.example>",
        "trailing": "Ann <a@b.example> rest",
        "upper": "A@B.EXAMPLE",
        "long-name": "x" * 900 + " <a@b.example>",
        "colon-name": "Re: Ann <a@b.example>",
        "brackets": "Ann [work] <a@b.example>",
        "tab": "Ann\tBell <a@b.example>",
        "at-end": "a@",
        "at-start": "@b.example",
        "dot-end": "a.@b.example",
        "dots-twice": "a..b@b.example",
    }
    return {f"address-{name}": letter(f"From: {text}\nTo: {text}\nCc: {text}\nReply-To: {text}\nSubject: address\n{DATE}")
            for name, text in fields.items()}


def subjects():
    fields = {
        "plain": "hello", "empty": "", "blank": "  ", "folded": "hello\n world", "folded-tab": "hello\n\tworld",
        "folded-blanks": "hello \n   world", "folded-empty": "\n hello", "re": "Re: hello", "re-fwd": "Re: Fwd: [list] hello (fwd)",
        "q": "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "b": "=?UTF-8?B?R3LDvMOfZQ==?=", "latin": "=?iso-8859-1?Q?Gr=FC=DFe?=",
        "adjacent": "=?utf-8?Q?one?= =?utf-8?Q?two?=", "adjacent-fold": "=?utf-8?Q?one?=\n =?utf-8?Q?two?=",
        "split-char": "=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "language": "=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=",
        "unknown": "=?x-none?Q?hello?=", "broken": "=?utf-8?Q?hel", "broken-b": "=?utf-8?B?###?=", "underscore": "=?utf-8?Q?a_b?=",
        "inside": "a=?utf-8?Q?b?=c", "cyrillic": "=?koi8-r?B?8NLJ18XU?=", "japanese": "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",
        "utf8": "Grüße aus Köln", "quotes": 'say "hello" \\ there', "tab": "a\tb", "long": "word " * 300, "percent": "100% {5} (x) *",
        "controls": "a\x01b\x7fc", "emoji": "hello 😀", "re-encoded": "=?utf-8?Q?Re:_hello?=", "blob": "[a][b] Re: hello",
    }
    return {f"subject-{name}": head(text) for name, text in fields.items()}


def dates():
    fields = {
        "plain": "Tue, 03 Mar 2026 10:20:30 +0100", "no-day": "3 Mar 2026 10:20:30 +0100", "no-seconds": "Tue, 3 Mar 2026 10:20 +0100",
        "comment": "Tue, 3 Mar 2026 10:20:30 +0100 (CET)", "comments": "Tue (x), 3 (y) Mar 2026 10:20:30 (z) +0100",
        "two-digits": "Tue, 3 Mar 26 10:20:30 +0100", "three-digits": "Tue, 3 Mar 126 10:20:30 +0100", "seventies": "Tue, 3 Mar 70 10:20:30 GMT",
        "gmt": "Tue, 3 Mar 2026 10:20:30 GMT", "est": "Tue, 3 Mar 2026 10:20:30 EST", "military": "Tue, 3 Mar 2026 10:20:30 Z",
        "no-zone": "Tue, 3 Mar 2026 10:20:30", "broken": "yesterday", "empty": "", "wrong-day": "Mon, 3 Mar 2026 10:20:30 +0000",
        "folded": "Tue,\n 3 Mar 2026\n 10:20:30 +0100", "late": "Tue, 3 Mar 2026 23:30:00 -0500", "early": "Tue, 3 Mar 2026 00:30:00 +0500",
        "leap": "Sat, 31 Dec 2016 23:59:60 +0000", "old": "Thu, 1 Jan 1970 00:00:00 +0000", "before": "Wed, 31 Dec 1969 23:00:00 +0000",
        "far": "Fri, 1 Jan 2038 00:00:00 +0000", "no-month": "Tue, 3 Foo 2026 10:20:30 +0000", "zone": "Tue, 3 Mar 2026 10:20:30 +9999",
        "iso": "2026-03-03T10:20:30Z", "lower": "tue, 3 mar 2026 10:20:30 gmt", "asctime": "Tue Mar  3 10:20:30 2026",
        "quoted": '"Tue, 3 Mar 2026 10:20:30 +0100"', "feb": "Mon, 30 Feb 2026 10:20:30 +0000",
    }
    return {f"date-{name}": letter(f"From: a@one.example\nSubject: date\nDate: {text}") for name, text in fields.items()}


def fields():
    return {
        "field-none": crlf("\nbody without header\n"),
        "field-only-body": crlf("no header at all\nhere\n"),
        "field-no-body": crlf("Subject: no body\nFrom: a@one.example\n"),
        "field-no-blank": crlf("Subject: cut"),
        "field-blank-only": crlf("Subject: blank only\n\n"),
        "field-empty-message": b"\r\n",
        "field-duplicate": letter(f"From: a@one.example\nFrom: b@two.example\nSubject: one\nSubject: two\n{DATE}\n{DATE}\n"
                                  "To: c@three.example\nTo: d@four.example\nMessage-ID: <1@x>\nMessage-ID: <2@x>"),
        "field-case": letter(f"FROM: a@one.example\nsubject: case\ndate: Tue, 3 Mar 2026 10:20:30 GMT\nMESSAGE-id: <c@x>"),
        "field-space-colon": letter("From : a@one.example\nSubject : space\nDate\t: Tue, 3 Mar 2026 10:20:30 GMT"),
        "field-no-space": letter("From:a@one.example\nSubject:tight\nDate:Tue, 3 Mar 2026 10:20:30 GMT"),
        "field-bad-line": letter("From: a@one.example\nthis is no field\nSubject: after"),
        "field-mbox-from": letter("From a@one.example Tue Mar  3 10:20:30 2026\nFrom: a@one.example\nSubject: mbox"),
        "field-folded-first": letter(" folded: first\nSubject: after"),
        "field-colon-only": letter(": nothing\nSubject: colon"),
        "field-blank-fold": letter("X-A: one\n \n two\nSubject: blank fold"),
        "field-8bit": head("8bit").replace(b"8bit", "Grüße".encode("latin-1")),
        "field-8bit-name": letter("From: a@one.example\nSubject: name\nX-G\u00fc: yes"),
        "field-long": letter("From: a@one.example\nSubject: long\nX-Long: " + "x" * 20000),
        "field-many": letter("From: a@one.example\nSubject: many\n" + "".join(f"X-{n}: {n}\n" for n in range(300)).strip()),
        "field-sender": letter("From: a@one.example\nSender: s@one.example\nReply-To: r@one.example\nBcc: h@one.example\nSubject: sender"),
        "field-sender-two": letter("From: a@one.example, b@one.example\nSubject: no sender"),
        "field-sender-empty": letter("From: a@one.example\nSender:\nReply-To:\nSubject: empty sender"),
        "field-ids": letter("From: a@one.example\nSubject: ids\nMessage-ID: <a@b>\nIn-Reply-To: <c@d> <e@f>\nReferences: <c@d>\n <e@f>"),
        "field-ids-odd": letter('From: a@one.example\nSubject: ids\nMessage-ID: no-angle\nIn-Reply-To: Your message of "Tue" <c@d>'),
        "field-id-folded": letter("From: a@one.example\nSubject: ids\nMessage-ID:\n <a@b>\nIn-Reply-To:\n <c@d>"),
        "field-id-comment": letter("From: a@one.example\nSubject: ids\nMessage-ID: <a@b> (yes)"),
        "field-id-8bit": letter("From: a@one.example\nSubject: ids\nMessage-ID: <gr\u00fc\u00dfe@b>"),
        "field-tabs": letter("From:\ta@one.example\nSubject:\ttab"),
        "field-trailing": letter("From: a@one.example  \nSubject: trailing   \t"),
    }


def types():
    """Content-Type and its neighbours, of whole letters."""
    kinds = {
        "none-but-version": None, "empty": "", "text": "text", "slash": "text/", "only-slash": "/plain", "plain": "text/plain",
        "charset": "text/plain; charset=utf-8", "quoted": 'text/plain; charset="utf-8"', "upper": "TEXT/PLAIN; CHARSET=UTF-8",
        "semicolon": "text/plain;", "semicolons": "text/plain;; charset=utf-8;", "spaces": "text / plain ; charset = utf-8",
        "comment": "text/plain (yes); charset=utf-8 (no)", "no-value": "text/plain; charset", "no-value-eq": "text/plain; charset=",
        "duplicate": "text/plain; charset=utf-8; charset=latin1", "format": 'text/plain; format=flowed; delsp="yes"',
        "folded": "text/plain;\n charset=utf-8;\n\tformat=flowed", "2231": "text/plain; name*=utf-8''gr%C3%BC%C3%9Fe.txt",
        "2231-parts": "text/plain; name*0=one; name*1=two; name*2=three", "2231-both": "text/plain; name*0*=utf-8''gr%C3%BC; name*1*=%C3%9Fe; name*2=x",
        "2231-order": "text/plain; name*1=two; name*0=one", "2231-hole": "text/plain; name*0=one; name*2=three",
        "2231-and-plain": "text/plain; name=plain.txt; name*=utf-8''gr%C3%BC.txt", "2231-latin": "text/plain; name*=iso-8859-1'de'gr%FC.txt",
        "encoded": 'text/plain; name="=?utf-8?Q?gr=C3=BC.txt?="', "utf8": 'text/plain; name="grü.txt"', "escape": r'text/plain; name="a\"b\\c"',
        "unclosed": 'text/plain; name="abc', "html": "text/html; charset=utf-8", "octets": "application/octet-stream", "odd": "foo/bar; x=y",
        "dots": "application/vnd.x-y.z+xml; v=1.0", "junk": "@@@", "no-semicolon": "text/plain charset=utf-8",
        "slashes": "text/plain/x", "specials": "text/plain; name=a b c.txt", "brackets": "text/plain; name=a[1].txt", "control": "text/plain; name=a\x01b",
    }
    found = {}
    for name, kind in kinds.items():
        found[f"type-{name}"] = head("type", "MIME-Version: 1.0\n" + ("" if kind is None else f"Content-Type: {kind}\n"))
    extra = {
        "all": ("Content-ID: <a@b>\nContent-Description: some\n text\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
                "Content-Language: en, de\nContent-Location: http://x.example/\nContent-Disposition: inline\nContent-Transfer-Encoding: 7bit"),
        "disposition": 'Content-Disposition: ATTACHMENT; FileName="a.txt"; creation-date="Wed, 12 Feb 1997 16:29:51 -0500"',
        "disposition-2231": "Content-Disposition: attachment; filename*=utf-8''gr%C3%BC.txt",
        "disposition-parts": "Content-Disposition: attachment; filename*0=\"a b\"; filename*1=\".txt\"",
        "disposition-odd": "Content-Disposition: filename=x.txt", "disposition-empty": "Content-Disposition:",
        "disposition-comment": "Content-Disposition: (a) inline (b); filename=x (c)",
        "encoding-odd": "Content-Transfer-Encoding: x-uuencode", "encoding-upper": "Content-Transfer-Encoding: BASE64",
        "encoding-comment": "Content-Transfer-Encoding: (x) quoted-printable (y)", "encoding-empty": "Content-Transfer-Encoding:",
        "encoding-blank": "Content-Transfer-Encoding: 8bit ", "encoding-semicolon": "Content-Transfer-Encoding: base64;",
        "encoding-two": "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit",
        "language": "Content-Language: en", "language-many": "Content-Language: en, fr,de , x-klingon", "language-odd": "Content-Language: ,,",
        "language-comment": "Content-Language: en (English)", "id-odd": "Content-ID: a@b", "id-empty": "Content-ID:",
        "description-encoded": "Content-Description: =?utf-8?Q?gr=C3=BC?=", "md5-blank": "Content-MD5:  abc ", "location-folded": "Content-Location: http://x.example/\n y",
        "two-types": "Content-Type: text/plain\nContent-Type: text/html",
    }
    for name, text in extra.items():
        found[f"content-{name}"] = head("content", f"MIME-Version: 1.0\n{text}\n", "aGVsbG8=\n")
    found["content-without-version"] = head("no version", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n", "aGVsbG8=\n")
    found["content-version-odd"] = head("odd version", "MIME-Version: 2.0 (x)\nContent-Type: text/html\n")
    found["content-version-comment"] = head("version", "MIME-Version: (x) 1.0\nContent-Type: text/html\n")
    return found


def bodies():
    data = bytes(range(256)) * 3
    base = base64.encodebytes(data).decode()
    quoted = quopri.encodestring("Grüße = schön\t \nund so weiter".encode()).decode()

    def coded(encoding, body, kind="text/plain; charset=utf-8"):
        return head("coded", f"MIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n", body)
    return {
        "body-empty": head("empty", body=""), "body-blank": head("blank", body="\n"), "body-no-end": head("no end", body="last line"),
        "body-blanks-at-end": head("end", body="x\n\n\n\n"), "body-long-line": head("long", body="y" * 9000 + "\n"),
        "body-8bit": head("8bit", body="Grüße\n"), "body-dots": head("dots", body=".\n..\n. x\n"),
        "body-from": head("from", body="From here\n>From there\n"),
        "body-latin": mime("text/plain; charset=iso-8859-1", "body\n").replace(b"body\r\n", "Grüße\r\n".encode("latin-1")),
        "body-base64": coded("base64", base, "application/octet-stream"), "body-base64-text": coded("base64", "R3LDvMOfZQo=\n"),
        "body-base64-junk": coded("base64", "R3LD*vMOf\n ZQo=\njunk after\n"), "body-base64-cut": coded("base64", "R3LDvMOfZ"),
        "body-base64-pad": coded("base64", "YQ==YQ==\n"), "body-base64-empty": coded("base64", ""), "body-base64-one": coded("base64", "A\n"),
        "body-quoted": coded("quoted-printable", quoted), "body-quoted-soft": coded("quoted-printable", "one=\ntwo= \nthree=\n"),
        "body-quoted-bad": coded("quoted-printable", "a=ZZb=\n=C3=BC=\n=4\n="), "body-quoted-lower": coded("quoted-printable", "=c3=bc\n"),
        "body-quoted-blanks": coded("quoted-printable", "a  \nb\t\n"), "body-7bit": coded("7bit", "x\n"), "body-binary": coded("binary", "x\n"),
        "body-unknown": coded("x-none", "x\n"), "body-html": mime("text/html; charset=utf-8", "<html><body><p>Hello &amp; w&ouml;rld</body></html>\n"),
        "body-big": head("big", body="0123456789abcdef\n" * 6000), "body-utf16": coded("base64", base64.encodebytes("Grüße".encode("utf-16")).decode(),
                                                                                      "text/plain; charset=utf-16"),
    }


def multiparts():
    nested = TEXT
    for depth in range(12):
        nested = f'Content-Type: multipart/mixed; boundary="d{depth}"\n\n' + parts(f"d{depth}", nested, preamble="", epilogue="")
    message = f"Content-Type: message/rfc822\n\n{INNER}"
    deep = INNER
    for _ in range(8):
        deep = f"From: deep@x.example\nSubject: deep\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n{deep}"
    in_mail = ("From: in@three.example\nSubject: inner multi\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=in\n\n"
               + parts("in", TEXT, HTML, preamble="", epilogue=""))
    digest = multi("dig", f"\n{INNER}", f"Content-Type: message/rfc822\n\n{INNER}", kind="digest")
    return {
        "multi-alternative": multi("alt", TEXT, HTML, kind="alternative"), "multi-mixed": multi("mix", TEXT, FILE, HTML),
        "multi-one": multi("one", TEXT), "multi-none": multi("none"), "multi-no-body": mime("multipart/mixed; boundary=x", ""),
        "multi-only-preamble": mime("multipart/mixed; boundary=x", "no boundary here\n"), "multi-no-boundary": mime("multipart/mixed", parts("x", TEXT)),
        "multi-empty-boundary": mime('multipart/mixed; boundary=""', parts("", TEXT)), "multi-no-end": multi("end", TEXT, HTML, last=False),
        "multi-only-end": mime("multipart/mixed; boundary=x", "--x--\n"), "multi-end-first": mime("multipart/mixed; boundary=x", "--x--\n--x\n" + TEXT),
        "multi-empty-part": multi("emp", "", "\n", TEXT), "multi-no-headers": multi("noh", "\njust text\n", "text without a blank line\n"),
        "multi-no-preamble": multi("pre", TEXT, HTML, preamble="", epilogue=""), "multi-blanks": multi("bl", TEXT).replace(b"--bl\r\n", b"--bl  \t\r\n"),
        "multi-prefix": mime('multipart/mixed; boundary="ab"', "--ab\n" + TEXT + "--abc\n" + HTML + "--ab--\n"),
        "multi-prefix-nested": mime('multipart/mixed; boundary="ab"', parts("ab", 'Content-Type: multipart/mixed; boundary="abc"\n\n' + parts("abc", TEXT, HTML))),
        "multi-same-boundary": mime('multipart/mixed; boundary="s"', parts("s", 'Content-Type: multipart/mixed; boundary="s"\n\n' + parts("s", TEXT), HTML)),
        "multi-inner-unclosed": mime('multipart/mixed; boundary="out"',
                                     parts("out", 'Content-Type: multipart/alternative; boundary="inn"\n\n' + parts("inn", TEXT, HTML, last=False), FILE)),
        "multi-inner-unclosed-2": mime('multipart/mixed; boundary="out"',
                                       parts("out", 'Content-Type: multipart/alternative; boundary="inn"\n\n' + parts("inn", TEXT, last=False), last=False)),
        "multi-deep": mime('multipart/mixed; boundary="top"', parts("top", nested, HTML)), "multi-many": multi("m", *[TEXT] * 60),
        "multi-related": mime('multipart/related; boundary=r; type="text/html"; start="<a@b>"', parts("r", "Content-ID: <a@b>\n" + HTML, FILE)),
        "multi-signed": mime('multipart/signed; boundary=g; micalg=pgp-sha256; protocol="application/pgp-signature"',
                             parts("g", TEXT, "Content-Type: application/pgp-signature; name=s.asc\n\n-----BEGIN PGP SIGNATURE-----\n")),
        "multi-report": mime("multipart/report; report-type=delivery-status; boundary=rp",
                             parts("rp", TEXT, "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\nAction: failed\n", message)),
        "multi-digest": digest, "multi-odd-kind": multi("o", TEXT, HTML, kind="x-odd"), "multi-base64": head(
            "b64", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n", parts("x", TEXT)),
        "multi-quoted-boundary": mime('multipart/mixed; boundary="a b:=?_c\'(d)"', parts("a b:=?_c'(d)", TEXT, HTML)),
        "multi-long-boundary": mime(f'multipart/mixed; boundary="{"b" * 70}"', parts("b" * 70, TEXT, HTML)),
        "multi-boundary-2231": mime("multipart/mixed; boundary*0=ab; boundary*1=cd", parts("abcd", TEXT, HTML)),
        "multi-blank-end": mime("multipart/mixed; boundary=x", "--x\n" + TEXT + "\n--x--"), "multi-upper": mime("MULTIPART/MIXED; BOUNDARY=x", parts("x", TEXT)),
        "multi-disposition": head("disp", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Disposition: inline; x=y\n"
                                  "Content-Language: de\nContent-Location: here\n", parts("x", TEXT)),
        "multi-boundary-in-line": multi("q", "\nsee --q here\n --q\n"), "multi-no-version": head("nv", "Content-Type: multipart/mixed; boundary=x\n", parts("x", TEXT, HTML)),
        "message": mime("message/rfc822", INNER), "message-in-multi": multi("mm", TEXT, message, FILE), "message-multi": mime("message/rfc822", in_mail),
        "message-multi-in-multi": multi("mo", TEXT, "Content-Type: message/rfc822\n\n" + in_mail), "message-deep": mime("message/rfc822", deep),
        "message-empty": mime("message/rfc822", ""), "message-no-header": mime("message/rfc822", "\ntext\n"), "message-no-blank": mime("message/rfc822", "Subject: x\n"),
        "message-empty-in-multi": multi("me", "Content-Type: message/rfc822\n\n", TEXT),
        "message-base64": head("b64", "MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n", base64.encodebytes(INNER.encode()).decode()),
        "message-partial": mime("message/partial; id=x; number=1; total=2", INNER), "message-global": mime("message/global", INNER),
        "message-external": mime('message/external-body; access-type=URL; URL="http://x.example"', "Content-Type: text/plain\n\n"),
        "message-disposition": multi("md", 'Content-Type: message/rfc822; name="x.eml"\nContent-Disposition: attachment; filename="x.eml"\n'
                                     f"Content-Description: some mail\n\n{INNER}"),
        "part-fields-odd": multi("pf", "Content-Type: text/plain\nnot a field\n\nx\n", "X-Only: yes\n\nx\n"),
        "part-folded": multi("pg", "Content-Type:\n text/plain;\n charset=utf-8\n\nx\n"), "part-8bit-name": multi("p8", 'Content-Type: text/plain; name="grü.txt"\n\nx\n'),
        "part-header-cut": multi("pc", "Content-Type: text/plain"), "part-header-only": multi("ph", "Content-Type: text/plain\n"),
    }


def generated(count=GENERATED, seed=1):
    """Letters of random pieces; also the threads among them are of interest."""
    rng = random.Random(seed)
    words = "alpha beta gamma delta Grüße tee κόσμος report invoice meeting hello".split()
    people = ["Ann <ann@one.example>", "bob@two.example", '"Carl, C." <carl@three.example>', "=?utf-8?Q?J=C3=B6rg?= <joerg@four.example>",
              "team: ann@one.example, bob@two.example;", "d@five.example (Dora)"]
    zones = ["+0000", "+0100", "-0500", "GMT", "+0530", "EST"]
    found, ids = {}, []

    def phrase(n):
        return " ".join(rng.choice(words) for _ in range(n))

    def text():
        lines = "".join(phrase(rng.randint(0, 9)) + "\n" for _ in range(rng.randint(0, 8)))
        how = rng.choice(["", "7bit", "8bit", "base64", "quoted-printable"])
        if how == "base64":
            lines = base64.encodebytes(lines.encode()).decode()
        if how == "quoted-printable":
            lines = quopri.encodestring(lines.encode()).decode()
        fields = rng.choice(["", "Content-Type: text/plain; charset=utf-8\n", "Content-Type: text/html; charset=UTF-8\n", 'Content-Type: text/plain; format="flowed"\n'])
        if how:
            fields += f"Content-Transfer-Encoding: {how}\n"
        if rng.random() < 0.3:
            fields += f'Content-Disposition: {rng.choice(["inline", "attachment"])}; filename="{rng.choice(words)}.txt"\n'
        if rng.random() < 0.2:
            fields += rng.choice(["Content-ID: <x@y>\n", "Content-Description: some words\n", "Content-Language: en, de\n"])
        return fields + "\n" + lines

    def entity(depth):
        dice = rng.random()
        if depth > 3 or dice < 0.55:
            return text()
        if dice < 0.85:
            boundary = f"b{rng.randrange(1000)}"
            inner = [entity(depth + 1) for _ in range(rng.randint(1, 4))]
            return (f'Content-Type: multipart/{rng.choice(["mixed", "alternative", "related"])}; boundary="{boundary}"\n\n'
                    + parts(boundary, *inner, preamble=rng.choice(["", "pre\n"]), epilogue=rng.choice(["", "post\n"]), last=rng.random() < 0.9))
        return f"Content-Type: message/rfc822\n\n{fields(False)}MIME-Version: 1.0\n{entity(depth + 1)}"

    def fields(outer=True):
        made = f"<{rng.randrange(1 << 30)}@gen.example>"
        lines = [f"From: {rng.choice(people[:4])}"]
        subject = phrase(rng.randint(1, 3))
        if outer:
            lines.append(f"Subject: {rng.choice(['', '', 'Re: ', 'RE: ', 'Fwd: ', '[list] ', 'Re: [list] '])}{subject}{rng.choice(['', '', ' (fwd)'])}")
        elif rng.random() < 0.8:
            lines.append(f"Subject: {subject}")
        for name in "To", "Cc", "Bcc", "Reply-To", "Sender":
            if rng.random() < (0.9 if name == "To" else 0.25):
                lines.append(f"{name}: {', '.join(rng.sample(people[:2] if name == 'Sender' else people, 1 if name == 'Sender' else rng.randint(1, 3)))}")
        if rng.random() < 0.95:
            lines.append(f"Date: {rng.randint(1, 28)} {rng.choice(['Jan', 'Feb', 'Mar'])} 2026 {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02} {rng.choice(zones)}")
        if rng.random() < 0.95:
            lines.append(f"Message-ID: {made}")
        if outer and ids and rng.random() < 0.6:
            chain = [rng.choice(ids) for _ in range(rng.randint(1, 3))]
            lines.append(rng.choice([f"In-Reply-To: {chain[0]}", "References: " + " ".join(chain), "References: " + "\n ".join(chain) + f"\nIn-Reply-To: {chain[-1]}"]))
        if outer:
            ids.append(made)
        rng.shuffle(lines)
        return "\n".join(lines) + "\n"

    for number in range(count):
        found[f"made-{number:03}"] = crlf(f"{fields()}MIME-Version: 1.0\n{entity(0)}")
    return found


def every():
    found = {}
    for part in (addresses, subjects, dates, fields, types, bodies, multiparts, generated):
        fresh = part()
        assert not found.keys() & fresh.keys()
        found.update(fresh)
    return found

# SPDX-License-Identifier: Apache-2.0
"""A table of searches over the letters: every key of RFC 3501 and 9051, alone and together."""


def every():
    found = ["ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN",
             "KEYWORD $Work", "UNKEYWORD $Work", "KEYWORD $None", "KEYWORD $work", "1:10", "UID 1:10", "*", "1:*", "5,7,9:12", "NOT 1:500",
             "NOT SEEN", "NOT NOT SEEN", "OR SEEN FLAGGED", "OR (SEEN DELETED) (FLAGGED)", "SEEN DELETED", "(SEEN) (DELETED)",
             "OR OR SEEN FLAGGED DRAFT", "NOT (OR SEEN FLAGGED)", "UID 1:*", "UID 100000:*", "LARGER 2000", "SMALLER 200", "LARGER 0",
             "SMALLER 0", "LARGER 300 SMALLER 310", "NOT LARGER 300"]
    for day in ("1-Mar-2026", "03-Mar-2026", "15-Mar-2026", "28-Mar-2026", "1-Jan-2030", "1-Jan-1970"):
        for key in "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE":
            found.append(f"{key} {day}")
    for day in ("3-Mar-2026", "2-Mar-2026", "4-Mar-2026", "20-Jan-2026", "31-Dec-1969", "31-Dec-2016", "1-Jan-2038"):
        found += [f"SENTON {day}", f"SENTSINCE {day} SENTBEFORE 1-Jan-2027"]
    for key in "FROM", "TO", "CC", "BCC":
        for text in ("ann", "ANN", "bob@two.example", "Bell, Ann", "Jörg", "jörg", "JÖRG", "Carl, C.", "team", "friends", "three", "example",
                     "@", "a@b.example", "nobody", "<ann@one.example>", "Ann Bell", "x", "Dora", "one", '\\"'):
            found.append(f'{key} "{text}"')
    for text in ("hello", "HELLO", "hell", "Grüße", "grüsse", "GRÜSSE", "gruße", "GRÜẞE", "κόσμος", "ΚΌΣΜΟΣ", "Привет", "привет", "日本",
                 "hello world", "hello  world", "re:", "[list]", "fwd", "one", "onetwo", "one two", "a_b", "a b", "=?utf-8", "bc", "100%", "say",
                 '\\"hello\\"', "\\\\", "word word", "😀", "report", "alpha beta", "(x)", "aus", "von", "z" * 200):
        found += [f'SUBJECT "{text}"', f'HEADER Subject "{text}"']
    for text in ("hello", "HELLO", "Grüße", "grüße", "κόσμος", "world", "<b>", "Hello &", "wörld", "body", "last line", "inner", "inner body",
                 "und so weiter", "schön", "yyyyyyyyyy", "From here", "report gamma", "preamble", "epilogue", "PGP", "JVBERi0", "%PDF",
                 "nothing of the kind", "one two", "onetwo", "alpha\r\nbeta", "x", "--", "Reporting-MTA", "Content-Type", "in@three.example"):
        found += [f'BODY "{text}"', f'TEXT "{text}"']
    for text in ("subject: hello", "ann@one.example", "Message-ID", "plain", "a.pdf", "boundary", "Grüße aus", "jörg", "type", "base64", "20000"):
        found.append(f'TEXT "{text}"')
    for name in ("Message-ID", "In-Reply-To", "References", "Date", "X-Long", "X-A", "X-299", "Content-Type", "MIME-Version", "Received", "Sender",
                 "Reply-To", "From", "Subject", "Bcc", "X-Only", "Content-Disposition"):
        found += [f'HEADER {name} ""', f'NOT HEADER {name.upper()} ""']
    for name, text in (("Message-ID", "<a@b>"), ("Message-ID", "@gen.example>"), ("References", "<c@d>"), ("In-Reply-To", "c@d"), ("Date", "Tue"),
                       ("Date", "+0100"), ("X-Long", "xxxx"), ("X-A", "two"), ("X-299", "299"), ("Content-Type", "charset=utf-8"),
                       ("Content-Type", "multipart"), ("Content-Type", "MIXED"), ("Sender", "s@one"), ("Reply-To", "r@one"), ("Received", "x")):
        found.append(f'HEADER {name} "{text}"')
    found += ['SUBJECT ""', 'BODY ""', 'TEXT ""', 'FROM ""', "FROM ann SUBJECT report", "OR FROM ann FROM bob", "NOT FROM ann", 'NOT BODY "hello"',
              'BODY "hello" BODY "report"', 'OR BODY "hello" SUBJECT "report"', 'SEEN FROM "ann" SINCE 10-Mar-2026', 'FROM "ann" (OR TO "bob" CC "bob")']
    return list(dict.fromkeys(found))

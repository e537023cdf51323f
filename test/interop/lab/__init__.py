# SPDX-License-Identifier: Apache-2.0
"""A small internet in one network namespace: names, mail servers, web servers.

net.py     the namespace, and addresses in it
names.py   zones, signed or not, in a real name server (nsd) on port 53
papers.py  certificates: good, expired, self-signed, of another name
server.py  mail servers that do what a case wants of them, on port 25
web.py     MTA-STS policies, on port 443
case.py    what a case is; cases.py has the table of them; world.py makes all of them
peers.py   Postfix, Exim and Dovecot, by the scripts of test/bench
"""

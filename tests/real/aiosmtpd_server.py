#!/usr/bin/env python3
"""A submission server of aiosmtpd: 587 with STARTTLS, 465 with implicit TLS. It signs nobody in.

usage: aiosmtpd_server.py HOST KEY CERTIFICATE
"""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


async def main():
    host, key, certificate = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def server(**options):
        def refuse(*_):
            return AuthResult(success=False, handled=False)

        return lambda: SMTP(None, hostname=host, authenticator=refuse, **options)

    loop = asyncio.get_running_loop()
    starttls = server(tls_context=context, require_starttls=True)
    implicit = server(auth_require_tls=False)
    for address in "0.0.0.0", "::":
        await loop.create_server(starttls, address, 587)
        await loop.create_server(implicit, address, 465, ssl=context)
    await asyncio.Event().wait()


asyncio.run(main())

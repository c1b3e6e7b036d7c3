"""An SMTP server on loopback that keeps each letter in a directory of its own."""

import argparse
import asyncio
import email
import email.policy
import hmac
import os
import re
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    """Decides what is taken, and keeps it."""

    def __init__(self, directory):
        self.directory = directory
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refused":
            return "550 5.1.1 There is no such mailbox"
        if name == "later":
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = body(letter, "plain")
        if any(address.startswith("quoted@") for address in envelope.rcpt_tos):
            return "554 5.7.1 The link " + re.search(r"https?://\S+", text).group() + " is on a list"
        self.count += 1
        place = os.path.join(self.directory, f"{self.count:06}")
        os.mkdir(place + ".part")
        login = session.auth_data.login.decode() if session.authenticated else ""
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        lines = [envelope.mail_from, " ".join(envelope.rcpt_tos), login, "encrypted" if encrypted else "open"]
        # Decoded, a value may have what was not to be in a header; it stays on its line.
        headers = [f"{name}: {one_line(str(value))}" for name, value in letter.items()]
        for name, content in [
            ("envelope", "\n".join(lines)),
            ("headers", "\n".join(headers)),
            ("text", text),
            ("html", body(letter, "html")),
        ]:
            with open(os.path.join(place + ".part", name), "w", encoding="utf-8") as file:
                file.write(content)
        with open(os.path.join(place + ".part", "raw"), "wb") as file:
            file.write(envelope.content)
        os.rename(place + ".part", place)
        return "250 2.0.0 Kept"


def one_line(text):
    return text.replace("\r", "\\r").replace("\n", "\\n")


def body(letter, kind):
    part = letter.get_body((kind,))
    return "" if part is None else part.get_content().replace("\r\n", "\n")


def main():
    parser = argparse.ArgumentParser()
    for name in ["port", "user", "password", "keep", "security"]:
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    given = parser.parse_args()
    context = None
    if given.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given.cert, given.key)
    starttls = given.security == "starttls"

    def authenticate(server, session, envelope, mechanism, data):
        known = hmac.compare_digest(data.login, given.user.encode())
        known = hmac.compare_digest(data.password, given.password.encode()) and known
        return AuthResult(success=known, handled=False, auth_data=data)

    keeper = Keeper(given.keep)

    def connected():
        return SMTP(
            keeper,
            hostname="localhost",
            ident="keeper",
            authenticator=authenticate,
            auth_required=given.security != "open",
            auth_require_tls=starttls,
            require_starttls=starttls,
            tls_context=context if starttls else None,
            loop=loop,
        )

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    implicit = context if given.security == "tls" else None
    loop.run_until_complete(loop.create_server(connected, "127.0.0.1", int(given.port), ssl=implicit))
    print("listening", flush=True)
    loop.run_forever()


main()

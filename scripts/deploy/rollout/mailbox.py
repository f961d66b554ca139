"""An SMTP server over TLS that keeps what it is sent."""

import email
import email.policy
import socket
import ssl
import threading
import time


class Mailbox:
    """Listens on a free port until it is closed."""

    def __init__(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = context
        self.mails = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secured, secured.makefile("rwb") as stream:
                self.speak(stream)
        except OSError:
            pass

    def speak(self, stream):
        def say(text):
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 mailbox")
        recipients = []
        while line := stream.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                say("250-mailbox\r\n250 AUTH PLAIN LOGIN")
            elif verb == "AUTH":
                say("235 come in")
            elif verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
                say("250 known")
            elif verb == "DATA":
                say("354 go on")
                lines = []
                while (part := stream.readline().rstrip(b"\r\n")) != b".":
                    lines.append(part.removeprefix(b"."))
                self.mails.append((recipients, b"\r\n".join(lines)))
                recipients = []
                say("250 kept")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 fine")

    def text_to(self, address, holding, seconds=60):
        """The text of the newest mail to an address that holds these words."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for recipients, source in reversed(self.mails):
                if address in recipients:
                    parsed = email.message_from_bytes(source, policy=email.policy.default)
                    text = parsed.get_body(("plain",)).get_content()
                    if holding in text:
                        return text
            time.sleep(0.1)
        raise TimeoutError(f"no mail to {address} holds {holding!r}")

    def close(self):
        self.listener.close()

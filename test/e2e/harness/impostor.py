"""Servers that are none: one that ends every connection, one that speaks TLS and knows no verifier."""

import os
import socket
import ssl
import struct
import subprocess
import threading

from .protocol3 import ACCEPTED, CHALLENGE, SIZE, frame, string


class _Listener:
    def __init__(self, port, address="127.0.0.1"):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(16)
        self.connections = 0
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            self.serve(connection)

    def serve(self, connection):
        raise NotImplementedError


class Closing(_Listener):
    """Ends each connection before it says anything: by RST, by FIN, or after the first bytes came."""

    def __init__(self, port, how):
        super().__init__(port)
        self.how = how

    def serve(self, connection):
        if self.how == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.how == "late fin":
            connection.recv(65536)
            connection.shutdown(socket.SHUT_WR)
        connection.close()


class WithoutVerifier(_Listener):
    """Answers as a server would, and cannot prove that it knows the client."""

    def __init__(self, port, folder):
        super().__init__(port)
        key, certificate = folder / "impostor.key", folder / "impostor.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=impostor",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["samhain/3"])
        self.heard = b""  # after our ACCEPTED

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                stream.recv(65536)  # HELLO
                stream.sendall(frame(CHALLENGE, string(os.urandom(16)) + string(os.urandom(SIZE))))
                stream.recv(65536)  # PROOF
                stream.sendall(frame(ACCEPTED, os.urandom(32 + 16) +
                                     struct.pack(">IQI", 7200, 0, 1 << 20) +
                                     string(b"client1.example.test")))
                while data := stream.recv(65536):
                    self.heard += data
        except OSError:
            return  # the client went away, as it should

"""A name server that says what the test wants, or nothing at all: A, AAAA and PTR over UDP."""

import ipaddress
import socket
import struct
import threading

A, PTR, AAAA = 1, 12, 28
NXDOMAIN = 3


def _question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack(">H", packet[at + 1:at + 3])[0], packet[12:at + 5]


def _name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def _address_of(name):
    """Of 4.3.2.1.in-addr.arpa, or of the 32 digits of an ip6.arpa."""
    labels = name.split(".")[:-2]
    if name.endswith(".ip6.arpa"):
        return str(ipaddress.ip_address(int("".join(reversed(labels)), 16)))
    return ".".join(reversed(labels))


class NameServer:
    """`forward`: name -> list of addresses; `reverse`: address -> name.  With `answers` false it
    swallows every question, as a dead one does; `is_dead_for(address)` chooses those whose names it
    never tells."""

    def __init__(self, forward, reverse, address="127.0.0.53", answers=True):
        self.forward, self.reverse, self.answers = forward, reverse, answers
        self.is_dead_for = lambda address: False
        self.questions = 0
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, 53))
        self.thread.join(5)
        self.socket.close()

    def _serve(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            if not packet:
                return
            self.questions += 1
            if self.answers and len(packet) > 16:
                answer = self._answer(packet)
                if answer:
                    self.socket.sendto(answer, peer)

    def _answer(self, packet):
        name, kind, question = _question(packet)
        data = []
        is_known = name in self.forward
        if kind in (A, AAAA):
            found = [ipaddress.ip_address(one) for one in self.forward.get(name, [])]
            data = [one.packed for one in found if one.version == (4 if kind == A else 6)]
        if name.endswith(".arpa"):
            address = _address_of(name)
            if self.is_dead_for(address):
                return None
            is_known = address in self.reverse
            if kind == PTR and is_known:
                data = [_name(self.reverse[address])]
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(one)) + one
                           for one in data)
        flags = 0x8580 | (0 if is_known else NXDOMAIN)
        return packet[:2] + struct.pack(">HHHHH", flags, 1, len(data), 0, 0) + question + records

"""Protocol 3 spoken by someone who is not our program: an independent computation of the
authentication with Python's integers, and a peer that may lie."""

import hashlib
import hmac
import os
import struct
import time

from . import tls

N = int("""
FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD
EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F
83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B
E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510
15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7
ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C
BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF
""".replace("\n", ""), 16)
G = 5
SIZE = 384

(HELLO, CHALLENGE, PROOF, ACCEPTED, REFUSED, RESUME, RESUMED, INVALID, REPORT, ACK,
 GET, FILE, CHUNK, END, UNCHANGED, NOFILE, PUT, STORED) = range(1, 19)
MAX_STRANGER = 4096
MAX_MEMBER = 1 << 20
MAX_CHUNK = 1 << 16
CONFIGURATION, BASELINE, DELTA = 1, 2, 3


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def pad(number):
    return number.to_bytes(SIZE, "big")


def to_int(data):
    return int.from_bytes(data, "big")


def string(data):
    return struct.pack(">I", len(data)) + data


def frame(kind, payload=b""):
    return struct.pack(">IB", len(payload) + 1, kind) + payload


def hello(name, a_public, instance=bytes(16), spool=bytes(16), version=3):
    return struct.pack(">H", version) + string(name) + instance + spool + string(a_public)


def body(msg, severity=7, event_class=10, when_ns=None, fields=()):
    """A report's bytes; severity 7 is crit, class 10 is event."""
    when_ns = time.time_ns() if when_ns is None else when_ns
    all_fields = [(b"msg", msg), *fields]
    return (struct.pack(">BHqH", severity, event_class, when_ns, len(all_fields))
            + b"".join(string(k) + string(v) for k, v in all_fields))


class Peer:
    """A client; each step of protocol.md section 3 can be taken alone, and wrongly."""

    def __init__(self, name, port, password="", host="127.0.0.1", source=None, instance=None,
                 spool=None):
        self.name = name.encode("latin-1") if isinstance(name, str) else name
        self.password = password.lower().encode()
        self.instance = instance or os.urandom(16)
        self.spool = spool or os.urandom(16)
        self.address, self.source = (host, port), source
        self.tls = None
        self.input = b""
        self.session_id = self.key = self.file_key = self.nonce = None
        self.acked = 0
        self.next_seq = 0

    # --- frames ---

    def connect(self):
        self.tls = tls.Connection(self.address, self.source)
        self.input = b""
        return self

    def send(self, kind, payload=b""):
        self.tls.send(frame(kind, payload))

    def receive(self):
        """(type, payload) of the next frame; tls.Closed if the server ends."""
        while True:
            if len(self.input) >= 4:
                size = struct.unpack(">I", self.input[:4])[0]
                if len(self.input) >= 4 + size:
                    whole, self.input = self.input[4:4 + size], self.input[4 + size:]
                    return whole[0], whole[1:]
            self.input += self.tls.receive()

    def close(self):
        if self.tls:
            self.tls.close()
            self.tls = None

    def __enter__(self):
        return self.connect()

    def __exit__(self, *_):
        self.close()

    # --- authentication ---

    def greet(self, a_public=None):
        self.a_secret = to_int(os.urandom(32))
        self.a_public = pad(pow(G, self.a_secret, N)) if a_public is None else a_public
        self.send(HELLO, hello(self.name, self.a_public, self.instance, self.spool))
        return self.receive()

    def proof(self, challenge):
        size = struct.unpack(">I", challenge[:4])[0]
        salt, rest = challenge[4:4 + size], challenge[4 + size:]
        size = struct.unpack(">I", rest[:4])[0]
        assert len(rest) == 4 + size == 4 + SIZE
        b_public = rest[4:]
        b = to_int(b_public)
        assert b % N != 0
        k = to_int(sha256(pad(N), pad(G)))
        u = to_int(sha256(self.a_public, b_public))
        x = to_int(sha256(salt, sha256(b"samhain:", self.password)))
        shared = pow((b - k * pow(G, x, N)) % N, self.a_secret + u * x, N)
        self.agreed = sha256(pad(shared))
        self.binding = self.tls.channel_binding()
        group = bytes(a ^ b for a, b in zip(sha256(pad(N)), sha256(bytes([G]))))
        speaker = sha256(self.name, self.instance, self.spool)
        self.m1 = sha256(group, speaker, salt, self.a_public, b_public, self.agreed, self.binding)
        return self.m1

    def authenticate(self):
        kind, payload = self.greet()
        if kind != CHALLENGE:
            raise tls.Closed(f"answer {kind} to HELLO: {payload!r}")
        self.send(PROOF, self.proof(payload))
        kind, payload = self.receive()
        if kind != ACCEPTED:
            raise tls.Closed(f"answer {kind} to PROOF: {payload!r}")
        m2, self.session_id = payload[:32], payload[32:48]
        self.lifetime, self.next_seq, self.max_frame = struct.unpack(">IQI", payload[48:64])
        self.known_as = payload[68:].decode()
        assert m2 == sha256(self.a_public, self.m1, self.agreed, self.binding), "server's proof"
        self.key = hkdf(self.agreed, self.session_id, b"samhain/3 report")
        self.file_key = hkdf(self.agreed, self.session_id, b"samhain/3 file")
        return self

    def resume(self, key=None, session_id=None):
        nonce = os.urandom(16)
        key, binding = key or self.key, self.tls.channel_binding()
        mac = hmac.digest(key, b"resume" + nonce + binding, "sha256")
        self.send(RESUME, (session_id or self.session_id) + nonce + mac)
        kind, payload = self.receive()
        if kind == RESUMED:
            assert payload[:32] == hmac.digest(key, b"resumed" + nonce + binding, "sha256")
            self.next_seq = struct.unpack(">Q", payload[32:])[0]
        return kind

    # --- reports ---

    def report_frame(self, seq, content):
        mac = hmac.digest(self.key, b"report" + self.session_id + struct.pack(">Q", seq) + content,
                          "sha256")
        return frame(REPORT, struct.pack(">Q", seq) + mac + string(content))

    def report(self, seq, content):
        """Sends a report and returns the number that the server acknowledges."""
        self.tls.send(self.report_frame(seq, content))
        return self.acknowledged()

    def acknowledged(self):
        kind, payload = self.receive()
        assert kind == ACK, (kind, payload)
        return struct.unpack(">Q", payload[:8])[0]


    # --- files ---

    def file_mac(self, vouched, kind, nonce, digest):
        return hmac.digest(self.file_key, bytes([vouched, kind]) + nonce + digest, "sha256")

    def ask(self, kind, held=bytes(32), delta=b"", nonce=None):
        """Sends a GET; the answer is receive_file()'s."""
        self.nonce = nonce or os.urandom(16)
        self.send(GET, bytes([kind]) + self.nonce + held + string(delta))

    def receive_file(self, kind, held=bytes(32), take=None):
        """The file's bytes (given to `take` where there is one), UNCHANGED or NOFILE; digest and MAC
        were right.  ACKs in between are counted."""
        answer, payload = self.receive_beside_acks()
        if answer == UNCHANGED:
            assert payload == self.file_mac(2, kind, self.nonce, held)
            return UNCHANGED
        if answer == NOFILE:
            assert payload == self.file_mac(3, kind, self.nonce, bytes(32))
            return NOFILE
        assert answer == FILE, (answer, payload)
        size, digest = struct.unpack(">Q", payload[:8])[0], payload[8:]
        assert len(digest) == 32
        sha, done, parts = hashlib.sha256(), 0, []
        while True:
            answer, payload = self.receive_beside_acks()
            if answer == END:
                break
            assert answer == CHUNK and 1 <= len(payload) <= MAX_CHUNK, (answer, len(payload))
            done += len(payload)
            sha.update(payload)
            (take or parts.append)(payload)
        assert done == size
        assert payload == self.file_mac(1, kind, self.nonce, digest)
        if sha.digest() != digest:
            raise WrongDigest
        return b"".join(parts)

    def receive_beside_acks(self):
        while True:
            kind, payload = self.receive()
            if kind != ACK:
                return kind, payload
            self.acked = struct.unpack(">Q", payload[:8])[0]

    def get(self, kind, held=bytes(32), delta=b"", take=None):
        self.ask(kind, held, delta)
        return self.receive_file(kind, held, take)

    def begin_put(self, size, digest):
        self.nonce = os.urandom(16)
        self.send(PUT, self.nonce + struct.pack(">Q", size) + digest)

    def put(self, content, digest=None, size=None):
        """STORED or NOFILE, its MAC right."""
        digest = sha256(content) if digest is None else digest
        self.begin_put(len(content) if size is None else size, digest)
        for at in range(0, len(content), MAX_CHUNK):
            self.send(CHUNK, content[at:at + MAX_CHUNK])
        self.send(END, self.file_mac(4, BASELINE, self.nonce, digest))
        return self.receive_verdict(digest)

    def receive_verdict(self, digest):
        kind, payload = self.receive_beside_acks()
        if kind == STORED:
            assert payload == self.file_mac(5, BASELINE, self.nonce, digest)
        else:
            assert kind == NOFILE, (kind, payload)
            assert payload == self.file_mac(3, BASELINE, self.nonce, bytes(32))
        return kind


class WrongDigest(Exception):
    """What came is not what the server announced."""


def hkdf(secret, salt, info):
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")

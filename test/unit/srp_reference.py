#!/usr/bin/env python3
"""An independent computation of docs/protocol.md section 3, with Python's integers and hashlib only.

Without arguments: compares srp_vectors.h, which the C++ tests use, with what is computed here.
With --write: writes srp_vectors.h.  With --search: finds the two numbers below anew (seconds).
"""

import hashlib
import hmac
import os
import sys

SIZE = 384
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "srp_vectors.h")

# Which try of the search below gives the public number, or the secret, a zero in front.
A_WITH_ZERO = 151
S_WITH_ZERO = 151


def pi_bits(bits):
    """floor(2^bits * pi), by Machin's formula with 64 bits to spare."""
    unit = 1 << (bits + 64)

    def arctan_of_inverse(x):
        power = total = unit // x
        n, sign = 3, -1
        while power:
            power //= x * x
            total += sign * (power // n)
            n, sign = n + 2, -sign
        return total

    return (16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)) >> 64


# RFC 3526 section 4, from which RFC 5054 took its group of 3072 bits; there g is 5.
N = 2**3072 - 2**3008 - 1 + 2**64 * (pi_bits(2942) + 1690314)
G = 5


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def pad(number):
    return number.to_bytes(SIZE, "big")


def number(data):
    return int.from_bytes(data, "big")


K_MULTIPLIER = number(sha(pad(N), pad(G)))


class Case:
    """One exchange; everything that is random in life follows from the label."""

    def __init__(self, label, name, password, attempt=0):
        def draw(what):
            return sha(f"{label} {attempt} {what}".encode())

        self.label = label
        self.name = name
        self.password = password
        self.salt = draw("salt")[:16]
        self.instance_id = draw("instance")[:16]
        self.spool_id = draw("spool")[:16]
        self.session_id = draw("session")[:16]
        self.binding = draw("binding")
        self.a = number(draw("a"))
        self.b = number(draw("b"))

    def agree(self):
        self.x = number(sha(self.salt, sha(b"samhain:", self.password.lower().encode())))
        self.v = pow(G, self.x, N)
        self.A = pow(G, self.a, N)
        self.B = (K_MULTIPLIER * self.v + pow(G, self.b, N)) % N
        self.u = number(sha(pad(self.A), pad(self.B)))
        self.S = pow(self.A * pow(self.v, self.u, N), self.b, N)
        client = pow((self.B - K_MULTIPLIER * pow(G, self.x, N)) % N, self.a + self.u * self.x, N)
        assert client == self.S
        return self

    def prove(self):
        self.key = sha(pad(self.S))
        group = bytes(p ^ q for p, q in zip(sha(pad(N)), sha(bytes([G]))))
        speaker = sha(self.name.encode(), self.instance_id, self.spool_id)
        self.m1 = sha(group, speaker, self.salt, pad(self.A), pad(self.B), self.key, self.binding)
        self.m2 = sha(pad(self.A), self.m1, self.key, self.binding)
        extracted = hmac.digest(self.session_id, self.key, "sha256")
        self.report_key = hmac.digest(extracted, b"samhain/3 report\x01", "sha256")
        return self


def find(label, name, password, is_wanted):
    attempt = 0
    while not is_wanted(Case(label, name, password, attempt)):
        attempt += 1
    return attempt


def cases():
    return [
        Case("plain", "client1.example.test", "0123456789abcdef"),
        Case("capitals", "192.0.2.9", "0123456789ABCDEF0123456789ABCDEF"),
        Case("A has a zero in front", "client2", "fedcba9876543210", A_WITH_ZERO),
        Case("S has a zero in front", "client3", "f" * 64, S_WITH_ZERO),
    ]


def literal(data):
    digits = data.hex()
    lines = [digits[i : i + 96] for i in range(0, len(digits), 96)]
    return "\n     ".join(f'"{line}"' for line in lines)


def header():
    fields = ["salt", "instance_id", "spool_id", "session_id", "binding", "a", "b", "x", "v", "A",
              "B", "u", "S", "key", "m1", "m2", "report_key"]
    short = {"a", "b", "x", "u"}
    names = {"A": "a_public", "B": "b_public", "S": "secret"}
    lines = [
        "// Written by srp_reference.py --write; do not edit.",
        "// clang-format off",
        "#pragma once",
        "",
        "namespace samhain::srp {",
        "",
        "/// One exchange in the group of 3072 bits, all numbers in hex, padded.",
        "struct ReferenceCase {",
        "  const char* label;",
        "  const char* name;",
        "  const char* password;",
    ]
    lines += [f"  const char* {names.get(field, field)};" for field in fields]
    lines += [
        "};",
        "",
        "inline constexpr const char* kReferencePrime =",
        f"     {literal(pad(N))};",
        "",
        "inline constexpr const char* kReferenceMultiplier =",
        f"     {literal(K_MULTIPLIER.to_bytes(32, 'big'))};",
        "",
        "inline constexpr ReferenceCase kReferenceCases[] = {",
    ]
    for case in cases():
        case.agree().prove()
        lines.append(f'    {{"{case.label}", "{case.name}", "{case.password}",')
        for field in fields:
            value = getattr(case, field)
            if isinstance(value, int):
                value = value.to_bytes(32 if field in short else SIZE, "big")
            lines.append(f"     {literal(value)},  // {names.get(field, field)}")
        lines.append("    },")
    lines += ["};", "", "}  // namespace samhain::srp", ""]
    return "\n".join(lines)


def main():
    if sys.argv[1:] == ["--search"]:
        print("A_WITH_ZERO =", find("A has a zero in front", "client2", "fedcba9876543210",
                                    lambda c: pow(G, c.a, N) < 256 ** (SIZE - 1)))
        print("S_WITH_ZERO =", find("S has a zero in front", "client3", "f" * 64,
                                    lambda c: c.agree().S < 256 ** (SIZE - 1)))
        return 0
    if sys.argv[1:] == ["--write"]:
        with open(VECTORS, "w", encoding="ascii") as output:
            output.write(header())
        return 0
    with open(VECTORS, encoding="ascii") as stored:
        if stored.read() == header():
            print("srp_vectors.h agrees with the independent computation")
            return 0
    print("srp_vectors.h differs from the independent computation; --write writes it anew")
    return 1


if __name__ == "__main__":
    sys.exit(main())

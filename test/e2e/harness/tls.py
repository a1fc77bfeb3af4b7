"""A TLS 1.3 client with the channel binding of RFC 9266.

Python's ssl module (3.11) cannot export keying material, so this asks libssl itself.
"""

import ctypes
import ctypes.util
import socket
import struct

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")

_p, _i, _s = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
for _name, _result, _arguments in (
    ("TLS_client_method", _p, []),
    ("SSL_CTX_new", _p, [_p]),
    ("SSL_CTX_free", None, [_p]),
    ("SSL_CTX_ctrl", ctypes.c_long, [_p, _i, ctypes.c_long, _p]),
    ("SSL_CTX_set_alpn_protos", _i, [_p, ctypes.c_char_p, ctypes.c_uint]),
    ("SSL_new", _p, [_p]),
    ("SSL_free", None, [_p]),
    ("SSL_set_fd", _i, [_p, _i]),
    ("SSL_connect", _i, [_p]),
    ("SSL_read", _i, [_p, ctypes.c_char_p, _i]),
    ("SSL_write", _i, [_p, ctypes.c_char_p, _i]),
    ("SSL_get_error", _i, [_p, _i]),
    ("SSL_export_keying_material", _i,
     [_p, ctypes.c_char_p, _s, ctypes.c_char_p, _s, ctypes.c_char_p, _s, _i]),
):
    _function = getattr(_ssl, _name)
    _function.restype, _function.argtypes = _result, _arguments

for _name, _result, _arguments in (
    ("BN_new", _p, []), ("BN_clear_free", None, [_p]), ("BN_CTX_new", _p, []),
    ("BN_CTX_free", None, [_p]), ("BN_bin2bn", _p, [ctypes.c_char_p, _i, _p]),
    ("BN_mod_exp", _i, [_p, _p, _p, _p, _p]), ("BN_bn2binpad", _i, [_p, ctypes.c_char_p, _i]),
):
    _function = getattr(_crypto, _name)
    _function.restype, _function.argtypes = _result, _arguments

_SET_MIN, _SET_MAX, _TLS12, _TLS13 = 123, 124, 0x0303, 0x0304
_LABEL = b"EXPORTER-Channel-Binding"
ALPN = b"samhain/3"


class Closed(Exception):
    """The peer ended the connection, or answered with an alert."""


def power(base, exponent, modulus):
    """pow() in a tenth of its time, for tests with very many clients."""
    context, result = _crypto.BN_CTX_new(), _crypto.BN_new()
    numbers = []
    for number in (base, exponent, modulus):
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        numbers.append(_crypto.BN_bin2bn(data, len(data), None))
    assert _crypto.BN_mod_exp(result, *numbers, context) == 1
    size = (modulus.bit_length() + 7) // 8
    out = ctypes.create_string_buffer(size)
    assert _crypto.BN_bn2binpad(result, out, size) == size
    for number in (*numbers, result):
        _crypto.BN_clear_free(number)
    _crypto.BN_CTX_free(context)
    return int.from_bytes(out.raw, "big")


class Connection:
    def __init__(self, address, source=None, alpn=ALPN, timeout=15.0, highest=_TLS13):
        self.ssl = self.context = None
        self.socket = socket.create_connection(
            address, timeout, source_address=(source, 0) if source else None)
        # The kernel's time-outs, since libssl reads the descriptor itself.
        self.socket.settimeout(None)
        limit = struct.pack("ll", int(timeout), 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self.context = _ssl.SSL_CTX_new(_ssl.TLS_client_method())
        _ssl.SSL_CTX_ctrl(self.context, _SET_MAX, highest, None)
        _ssl.SSL_CTX_ctrl(self.context, _SET_MIN, _TLS12, None)
        if alpn:
            protocols = bytes([len(alpn)]) + alpn
            _ssl.SSL_CTX_set_alpn_protos(self.context, protocols, len(protocols))
        self.ssl = _ssl.SSL_new(self.context)
        _ssl.SSL_set_fd(self.ssl, self.socket.fileno())
        if _ssl.SSL_connect(self.ssl) != 1:
            self.close()
            raise Closed("during the handshake")

    def channel_binding(self):
        out = ctypes.create_string_buffer(32)
        done = _ssl.SSL_export_keying_material(self.ssl, out, 32, _LABEL, len(_LABEL), None, 0, 0)
        assert done == 1
        return out.raw

    def send(self, data):
        _crypto.ERR_clear_error()
        if data and _ssl.SSL_write(self.ssl, data, len(data)) != len(data):
            raise Closed("while writing")

    def receive(self, size=65536):
        _crypto.ERR_clear_error()
        buffer = ctypes.create_string_buffer(size)
        got = _ssl.SSL_read(self.ssl, buffer, size)
        if got <= 0:
            raise Closed(f"while reading (SSL error {_ssl.SSL_get_error(self.ssl, got)})")
        return buffer.raw[:got]

    def close(self):
        """Ends without a word, as a process that is killed does."""
        if self.ssl:
            _ssl.SSL_free(self.ssl)
            self.ssl = None
        if self.context:
            _ssl.SSL_CTX_free(self.context)
            self.context = None
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()



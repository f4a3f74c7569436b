"""A second implementation of docs/wire.md in plain Python, without any of our code or libraries:
python3 tests/interop/check_vectors.py reads tests/vectors/wire.json and checks every digest, key,
encoding, id and signature in it. Slow and not constant in time: for checking only."""
import hashlib
import json
import os

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def blake2b(key, data, salt=b"", person=b""):
    return hashlib.blake2b(data, digest_size=32, key=key, salt=salt, person=person).digest()


def digest(label, data):
    return blake2b(label.encode(), data)


def sub_key(seed, number):
    return blake2b(seed, b"", number.to_bytes(8, "little") + bytes(8), b"gpuletid" + bytes(8))


# Ed25519, as in RFC 8032, section 6.
def point_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "not a point"
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def point_encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_public(seed):
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = scalar & ((1 << 254) - 8) | 1 << 254
    return point_encode(point_multiply(scalar, BASE))


def ed25519_verify(public, message, signature):
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(hashed, "little") % L
    left = point_multiply(int.from_bytes(signature[32:], "little"), BASE)
    right = point_add(point_decode(signature[:32]),
                      point_multiply(challenge, point_decode(public)))
    return point_encode(left) == point_encode(right)


# X25519, as in RFC 7748, section 5.
def x25519_public(secret):
    scalar = int.from_bytes(secret, "little") & ((1 << 254) - 8) | 1 << 254
    x2, z2, x3, z3, swapped = 1, 0, 9, 1, 0
    for position in range(254, -1, -1):
        bit = scalar >> position & 1
        if swapped ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % P, b * b % P
        e, da, cb = aa - bb, (x3 - z3) * a % P, (x3 + z3) * b % P
        x3, z3 = (da + cb)**2 % P, 9 * (da - cb)**2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def read(data, at):
    """One value and the position behind it."""
    form = data[at]

    def big(length):
        assert at + 1 + length <= len(data)
        return int.from_bytes(data[at + 1:at + 1 + length], "big")

    def body(start, length):
        assert start + length <= len(data)
        return data[start:start + length], start + length

    if form < 0x80:
        return form, at + 1
    if 0x90 <= form <= 0x9f or form == 0xdc:
        count, at = (big(2), at + 3) if form == 0xdc else (form & 15, at + 1)
        values = []
        for _ in range(count):
            value, at = read(data, at)
            values.append(value)
        return values, at
    if 0xa0 <= form <= 0xbf:
        text, end = body(at + 1, form & 31)
        return text.decode(), end
    if form in (0xc2, 0xc3):
        return form == 0xc3, at + 1
    if form in (0xc4, 0xc5, 0xd9, 0xda):
        length = 1 if form in (0xc4, 0xd9) else 2
        found, end = body(at + 1 + length, big(length))
        return (found if form < 0xd0 else found.decode()), end
    if 0xcc <= form <= 0xcf:
        length = 1 << (form - 0xcc)
        return big(length), at + 1 + length
    raise ValueError("form %02x" % form)


def as_json(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, int) and value >= 2**63:
        return str(value)
    return value


def check_key(vector):
    seed = bytes.fromhex(vector["seed"])
    assert sub_key(seed, 1).hex() == vector["sign_seed"]
    assert ed25519_public(sub_key(seed, 1)).hex() == vector["identity"]
    assert sub_key(seed, 2).hex() == vector["channel_secret"]
    assert x25519_public(sub_key(seed, 2)).hex() == vector["channel_key"]


def check_test_key(vector):
    name = digest("gpulet test name 1", vector["name"].encode())
    seed = int(vector["network_seed"]).to_bytes(8, "little")
    assert digest("gpulet test key 1", seed + name).hex() == vector["key"]["seed"]
    check_key(vector["key"])


def check_digest(vector):
    assert digest(vector["label"], bytes.fromhex(vector["bytes"])).hex() == vector["digest"]


def check_network(vector):
    issuer = bytes.fromhex(vector["issuer"]) if vector["issuer"] else bytes(32)
    data = bytes([vector["test"]]) + issuer + vector["name"].encode()
    assert digest("gpulet network 1", data).hex() == vector["id"]


def check_value(vector):
    data = bytes.fromhex(vector["bytes"])
    fields, end = read(data, 0)
    assert end == len(data)
    if vector["what"] == "message":
        assert fields.pop(0) == vector["number"]
    assert as_json(fields) == list(vector["fields"].values()), vector["name"]


def check_sealed(vector):
    data = bytes.fromhex(vector["sealed"])
    envelope, end = read(data, 0)
    assert end == len(data) - 64
    assert as_json(envelope) == list(vector["envelope"].values())
    record_id = digest("gpulet record id", data[:end])
    assert record_id.hex() == vector["id"]
    claim = envelope[2] + bytes([envelope[1]]) + record_id
    assert ed25519_verify(envelope[3], b"gpulet record 1" + claim, data[end:])
    assert not ed25519_verify(envelope[3], b"gpulet cosign 1" + claim, data[end:])
    if "cosigner" in vector:
        assert ed25519_verify(bytes.fromhex(vector["cosigner"]), b"gpulet cosign 1" + claim,
                              bytes.fromhex(vector["cosignature"]))


def main():
    root = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(root, "..", "vectors", "wire.json"), encoding="utf-8") as file:
        document = json.load(file)
    checks = {"digests": check_digest, "networks": check_network, "keys": check_key,
              "test_keys": check_test_key, "values": check_value, "sealed": check_sealed}
    for name, check in checks.items():
        assert document[name], name
        for vector in document[name]:
            check(vector)
        print("%s: %d agree" % (name, len(document[name])))


if __name__ == "__main__":
    main()

"""Names of our own making, from time and random bits that come in as arguments."""

import re

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
CHANGE_ID_LENGTH = 10  # 26^10: about 47 bits
_KEY = re.compile(r"[0-9a-f]{12}7[0-9a-f]{19}")


def key_at(at: int, random: bytes) -> str:
    """Return a fresh key (uuid7, hex) for bytes in the store. `at` in microseconds, `random` of 10 bytes."""
    stamp = (at // 1000) & (1 << 48) - 1
    bits = int.from_bytes(random, "big")
    high = 0x7000 | bits >> 68 & 0x0FFF
    low = 0x8000_0000_0000_0000 | bits & (1 << 62) - 1
    return f"{stamp:012x}{high:04x}{low:016x}"


def is_key(name: str) -> bool:
    """Is this the name of bytes of ours? Anything else under the same roof is somebody else's."""
    return _KEY.fullmatch(name) is not None


def instant_of(key: str) -> int:
    """Return the instant in a key, in microseconds, to the millisecond."""
    return int(key[:12], 16) * 1000


def change_id(random: bytes) -> str:
    """Return ten letters from `random` (8 bytes)."""
    number, letters = int.from_bytes(random, "big"), []
    for _ in range(CHANGE_ID_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)

"""What an image takes of a prompt, by OpenAI's published rule for its tiled models, and how large it is.

Of an image that has only an address the size is not known before it is fetched: the largest is assumed.
"""

from __future__ import annotations

import base64
import binascii
import struct
from math import ceil

LOW_TOKENS = 85
TILE_TOKENS = 170
TILE_PIXELS = 512
LONGEST_SIDE_PIXELS = 2048
SHORTEST_SIDE_PIXELS = 768
MOST_TILES = 8
MOST_TOKENS = LOW_TOKENS + MOST_TILES * TILE_TOKENS
_HEAD_CHARACTERS = 350_000  # base64; a JPEG's size may come after a large preview
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def tokens_of(size: tuple[int, int] | None, *, detail: str) -> int:
    """Tokens of an image of (width, height) pixels; None is an unknown size. `detail` low, high or auto."""
    if detail == "low":
        return LOW_TOKENS
    if size is None:
        return MOST_TOKENS
    width, height = size
    scale = min(1.0, LONGEST_SIDE_PIXELS / max(width, height))
    scale *= min(1.0, SHORTEST_SIDE_PIXELS / (min(width, height) * scale))
    tiles = _tiles(width * scale) * _tiles(height * scale)
    return LOW_TOKENS + tiles * TILE_TOKENS


def size_of(address: str) -> tuple[int, int] | None:
    """Width and height of an image in a data URL (PNG, GIF, JPEG, WebP); None if that cannot be told."""
    if not address.startswith("data:"):
        return None
    start = address.find(",") + 1
    text = address[start : start + _HEAD_CHARACTERS]
    try:
        head = base64.b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    found = _png(head) or _gif(head) or _webp(head) or _jpeg(head)
    return found if found and min(found) > 0 else None


def _tiles(pixels: float) -> int:
    return max(1, ceil(round(pixels, 3) / TILE_PIXELS))


def _png(head: bytes) -> tuple[int, int] | None:
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _gif(head: bytes) -> tuple[int, int] | None:
    if len(head) < 10 or head[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = struct.unpack("<HH", head[6:10])
    return width, height


def _webp(head: bytes) -> tuple[int, int] | None:
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    form = head[12:16]
    if form == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2 if head.startswith(b"\xff\xd8") else len(head)
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _JPEG_SIZES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None

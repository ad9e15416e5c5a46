"""Counting tokens with the model's tokeniser, without a network.

The rank files of tiktoken are shipped compressed, unpacked once into the data folder and
verified by SHA-256 before use: tiktoken deletes a damaged file and tries the network instead.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from tiktoken import Encoding

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "tiktoken"
ENCODING = "o200k_base"
OLDER_ENCODING = "cl100k_base"
SHA256_OF_FILE = {
    "9b5ad71b2ce5302211f9c61530b329a4922fc6a4": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "fb374d419588a4632f3f557e76b4b70aebbca790": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
SHA256_OF_SHIPPED = {
    "9b5ad71b2ce5302211f9c61530b329a4922fc6a4.gz": "75d741412e741c034a4096a314e4d9dcd65ae3567db82a97ceecc4fe2cbadd78",
    "fb374d419588a4632f3f557e76b4b70aebbca790.gz": "a487b278b404d9652a066d42ddd5fe3389cc5bf241aa0dece608a51433a7c1e2",
}
"""The same packed, as they stand in the repository: hashed without being unpacked."""
LONGEST_CHUNK_CHARACTERS = 50_000  # a megabyte of one repeated character makes the tokeniser panic


def count_tokens(text: str, *, encoding_name: str = ENCODING) -> int:
    """Tokens of `text` in OpenAI's o200k vocabulary, or cl100k; special tokens are counted as plain text.

    Raises ValueError for a vocabulary that is not shipped.
    """
    encoding = _encoding(encoding_name)
    chunks = (text[at : at + LONGEST_CHUNK_CHARACTERS] for at in range(0, len(text), LONGEST_CHUNK_CHARACTERS))
    return sum(len(encoding.encode_ordinary(chunk)) for chunk in chunks)


def split_tokens(text: str, *, most: int) -> tuple[list[str], int]:
    """The first `most` tokens of `text` as strings, and how many tokens they are.

    A character that several tokens make up is one string; one that is not complete at the end is left out.
    """
    encoding, pieces, taken = _encoding(ENCODING), [], 0
    whole = codecs.getincrementaldecoder("utf-8")("ignore")
    for at in range(0, len(text), LONGEST_CHUNK_CHARACTERS):
        tokens = encoding.encode_ordinary(text[at : at + LONGEST_CHUNK_CHARACTERS])[: most - taken]
        pieces += [piece for each in tokens if (piece := whole.decode(encoding.decode_single_token_bytes(each)))]
        taken += len(tokens)
        if taken >= most:
            break
    return pieces, taken


def text_of_tokens(tokens: Sequence[int], *, encoding_name: str) -> str:
    """What these tokens of a vocabulary stand for; half a character becomes U+FFFD. Raises ValueError for none."""
    try:
        return _encoding(encoding_name).decode(tokens)
    except (KeyError, OverflowError) as error:
        raise ValueError(f"The vocabulary {encoding_name} has no token {error}.") from error


def damaged_shipped_files() -> list[str]:
    """Names of shipped rank files that are not there, or not as they were shipped."""
    return [name for name, expected in SHA256_OF_SHIPPED.items() if _sum_of(SHIPPED / name) != expected]


def _sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def unpack_rank_files(folder: Path) -> None:
    """Make `folder` hold every rank file, whole; raise RuntimeError if a shipped file is damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, expected in SHA256_OF_FILE.items():
        target = folder / name
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == expected:
            continue
        content = gzip.decompress((SHIPPED / f"{name}.gz").read_bytes())
        if hashlib.sha256(content).hexdigest() != expected:
            raise RuntimeError(f"The shipped tokeniser file {name}.gz is damaged.")
        partial = target.with_suffix(f".{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(target)


@lru_cache(maxsize=2)
def _encoding(name: str) -> Encoding:
    if name not in (ENCODING, OLDER_ENCODING):
        raise ValueError(f"The vocabulary {name} is not shipped.")
    unpack_rank_files(settings.TIKTOKEN_CACHE_DIR)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(settings.TIKTOKEN_CACHE_DIR)
    import tiktoken  # loaded on first use: it is slow to start and most processes never count

    return tiktoken.get_encoding(name)

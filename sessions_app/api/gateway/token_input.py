"""Input that comes as tokens, as some clients of OpenAI's embeddings send it: turned back into text.

Their vocabulary is cl100k, that of OpenAI's embedding models. As text it means the same to a deployment of any kind,
and OpenAI makes the same tokens of it.
"""

from __future__ import annotations

from typing import Any

from budgets.services import OLDER_ENCODING, text_of_tokens
from sessions_app.api.gateway.checks import items, text, wrong

MOST_TOKENS = 300_000
"""Of one text; OpenAI takes as many of all texts of a call together."""


def text_of_input(value: Any, param: str, *, most_characters: int) -> str:
    """What a list of tokens stands for. Raises InvalidInput that names `param`."""
    tokens = items(value, param, most=MOST_TOKENS)
    if not all(type(each) is int for each in tokens):  # True is an int, and no token
        raise wrong(param, "must be a string or an array of token numbers.", code="invalid_type")
    try:
        found = text_of_tokens(tokens, encoding_name=OLDER_ENCODING)
    except ValueError:
        raise wrong(param, "has a number that is no token of the cl100k vocabulary; send text instead.") from None
    return text(found, param, most=most_characters)

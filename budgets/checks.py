"""What `manage.py check`, and so every start, looks at in this app."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from budgets.services.tokens import SHIPPED, damaged_shipped_files


@register()
def check_rank_files(**_scope: Any) -> list[CheckMessage]:
    """The tokeniser's files are as they were shipped. Their packed bytes are hashed, which takes some milliseconds;
    what is unpacked from them is verified when it is first used."""
    return [
        Error(
            f"The shipped tokeniser file {name} is damaged or missing.",
            hint=f"Restore {SHIPPED / name} from the release: without it no token can be counted.",
            id="budgets.E001",
        )
        for name in damaged_shipped_files()
    ]

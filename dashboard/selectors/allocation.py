"""What the page of the plan needs beside the plan."""

from __future__ import annotations

from market.selectors import list_purposes


def list_purpose_titles() -> dict[str, str]:
    """Titles of purposes by name."""
    return {each.name: each.title for each in list_purposes()}

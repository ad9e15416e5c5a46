"""Texts from outside as every database can store them and every page can show them."""

from __future__ import annotations


def one_line(text: str, longest: int) -> str:
    """At most `longest` characters of one line.

    What cannot be printed becomes a space: half a character (a lone surrogate), NUL, line breaks, and the
    signs that turn the direction of what is written after them.
    """
    return " ".join("".join(each if each.isprintable() else " " for each in text[: 20 * longest]).split())[:longest]


def is_clean(text: str) -> bool:
    """Whether every character of a person's text can be printed, is a line break or a tab."""
    return all(each.isprintable() or each in "\n\r\t" for each in text)

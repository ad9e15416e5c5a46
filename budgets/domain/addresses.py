"""Which addresses webhooks may go to. Pure: names are resolved by the connector."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST_URL_CHARACTERS = 500
METADATA = (
    IPv4Address("168.63.129.16"),  # Azure
    IPv4Address("192.0.0.192"),  # Oracle
    IPv4Address("100.100.100.200"),  # Alibaba
    IPv6Address("fd00:ec2::254"),  # Amazon
    IPv6Address("fd20:ce::254"),  # Google
)
"""Where clouds tell a machine its secrets, besides the link-local addresses."""
NAT64 = IPv6Network("64:ff9b::/96")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_ADDRESS_IN_DIGITS = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)

Address = IPv4Address | IPv6Address


def problem_of_url(url: str, *, must_be_https: bool) -> str:
    """What is wrong with the address of a webhook, in words that do not repeat it; empty if nothing is."""
    if not _PRINTABLE.fullmatch(url) or len(url) > LONGEST_URL_CHARACTERS or "\\" in url:
        return f"An address has at most {LONGEST_URL_CHARACTERS} characters, without blanks and accents."
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "This is no address with a host, such as https://example.org/hook."
    if parts.scheme not in ("https", "http") or (must_be_https and parts.scheme != "https"):
        return "Begin with https://." if must_be_https else "Begin with https:// or http://."
    if "@" in parts.netloc:
        return "No user and password in the address: webhooks are signed instead."
    return "Leave out what follows the #: it is not sent." if parts.fragment else ""


def host_of(url: str) -> str:
    """The host of an address, in small letters, without port and brackets."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def masked(url: str) -> str:
    """An address up to its host: what follows may hold a key, and is for those who keep the channel."""
    parts = _split(url)
    if parts is None:
        return "…"
    is_bare = parts.path in ("", "/") and not parts.query
    return url if is_bare else f"{parts.scheme}://{parts.netloc}/…"


def problem_of_host(host: str, *, exceptions: frozenset[str]) -> str:
    """What is wrong with a host that is written as a number; empty for names, which are resolved when they are used."""
    try:
        address = ip_address(host)
    except ValueError:
        if _ADDRESS_IN_DIGITS.fullmatch(host) and host[-1].isdigit() and host.rpartition(".")[2][:1].isdigit():
            return "Write the host's name, or its address in four decimal parts."
        return ""
    if may_reach(address, is_exception=host in exceptions):
        return ""
    return "This address is private or reserved. A deployment can allow it in WEBHOOK_PRIVATE_HOSTS."


def may_reach(address: Address, *, is_exception: bool = False) -> bool:
    """Whether an address is public; an exception may be private or this machine, too.

    Link-local ones (where clouds answer with credentials), multicast and reserved ones are open to nobody.
    """
    real = _carried(address)
    return (is_exception or real.is_global) and not _is_never_open(real)


def _is_never_open(address: Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    odd = address.is_link_local or address.is_multicast or address.is_unspecified or site_local
    # The loopback address of IPv6 counts as reserved, too.
    return odd or address in METADATA or (address.is_reserved and not address.is_loopback)


def _carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    tunnelled = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or tunnelled or address


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None  # the port is read only here
    except ValueError:
        return None

"""Which addresses may be asked."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from climate.connectors.http.errors import SourceMisbehaved

PORTS = {"http": "80", "https": "443"}


def host_of(url: str) -> str:
    """Host and port of a configured address, as SourceHttp compares them."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def origin_of(url: str) -> tuple[str, str]:
    """Scheme and host with port: what a key is meant for."""
    scheme = urlsplit(url).scheme.lower()
    host = host_of(url)
    return scheme, host.removesuffix(f":{PORTS.get(scheme, '')}")


def check_address(url: str, *, allowed_hosts: Collection[str], must_be_https: bool) -> None:
    """Raise SourceMisbehaved unless the address is one that may be asked. The words hold the host, not the address."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in PORTS:
        raise SourceMisbehaved(f"refused to follow an address that begins with {scheme[:20]}:")
    if must_be_https and scheme != "https":
        raise SourceMisbehaved("refused to go on without encryption")
    if "@" in urlsplit(url).netloc:
        raise SourceMisbehaved("refused to follow an address with a password in it")
    host = host_of(url)
    same = {host, host.removesuffix(f":{PORTS[scheme]}"), f"{host}:{PORTS[scheme]}"}
    if same.isdisjoint(allowed_hosts):
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        raise SourceMisbehaved(f"refused to ask {name[:100]}: it is not a configured host")

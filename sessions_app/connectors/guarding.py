"""Where the gateway may connect to: public addresses, by https in production, and hosts that a deployment excepts.

A name is resolved and checked in the moment of connecting, and what was checked is connected to. Hosts that are
written as numbers are checked before: no resolver is asked for those.
"""

from __future__ import annotations

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from budgets.domain.addresses import host_of, may_reach, problem_of_host, problem_of_url
from sessions_app.domain.gateway.wire import Fault, UpstreamError

MOST_LOOKUPS = 16


def _threads() -> ThreadPoolExecutor:
    """For lookups alone: the system's resolver has no time-out, and names that hang must not hold up other work."""
    return ThreadPoolExecutor(max_workers=MOST_LOOKUPS, thread_name_prefix="resolve")


_resolving = _threads()


def _begin_anew() -> None:
    """A forked process has none of the threads."""
    global _resolving
    _resolving = _threads()


os.register_at_fork(after_in_child=_begin_anew)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this installation lets the gateway reach. `private_hosts` are names or addresses, in small letters."""

    must_be_https: bool
    private_hosts: frozenset[str] = frozenset()


class Forbidden(OSError):
    """A host's address is one that may not be reached."""


@lru_cache(maxsize=512)
def checked_url(url: str, rules: Rules) -> URL:
    """The address of a call, if it may be reached as far as one can see without asking for its name.

    Raises UpstreamError with Fault.BLOCKED; the words do not repeat the address.
    """
    host = host_of(url)
    is_exception = host in rules.private_hosts
    if problem_of_url(url, must_be_https=rules.must_be_https and not is_exception):
        raise UpstreamError(Fault.BLOCKED, "The deployment's address is not one that may be called.")
    if problem_of_host(host, exceptions=rules.private_hosts):
        raise blocked()
    parsed = URL(url)
    if (parsed.host or "").lower() != host:  # two readings of one address: whom would it reach?
        raise UpstreamError(Fault.BLOCKED, "The deployment's address is not one that may be called.")
    return parsed


def blocked() -> UpstreamError:
    """What is raised of an address that may not be reached."""
    return UpstreamError(
        Fault.BLOCKED, "The deployment's host has a private or reserved address (see UPSTREAM_PRIVATE_HOSTS)."
    )


class GuardedResolver(AbstractResolver):
    """Names become addresses only if every one of these may be reached."""

    def __init__(self, rules: Rules):
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of a host. Raises Forbidden, or OSError of a name that nobody knows."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_resolving, _asked, host, port, family)
        is_exception = host.lower().rstrip(".") in self._rules.private_hosts
        if not all(may_reach(ip_address(each[4][0]), is_exception=is_exception) for each in found):
            raise Forbidden
        return [
            ResolveResult(hostname=host, host=str(each[4][0]), port=port, family=each[0], proto=each[2], flags=_NUMERIC)
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is kept open."""


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


def _asked(host: str, port: int, family: socket.AddressFamily) -> list[tuple]:  # type: ignore[type-arg]
    try:
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except UnicodeError:  # of names that no DNS could hold
        raise OSError("no such name") from None

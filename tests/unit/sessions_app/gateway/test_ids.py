"""Ids of calls: random, each once, also in a process that was forked."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

import pytest

from sessions_app.services.gateway import ids
from sessions_app.services.gateway.ids import new_id


def test_ids_are_random_uuids():
    found = [new_id() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert {(each.version, each.variant) for each in found} == {(4, RFC_4122)}


def test_threads_never_get_the_same_id():
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: [new_id() for _ in range(2000)], range(8)))
    assert len({each for some in found for each in some}) == 16_000


def test_the_system_is_asked_for_many_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "urandom", lambda count: asked.append(count) or bytes(range(256)) * (count // 256))
    ids._spare.clear()
    for _ in range(ids.AT_ONCE):
        new_id()
    assert asked == [ids.ID_BYTES * ids.AT_ONCE]
    assert not ids._spare


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gives_other_ids():
    new_id()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, b"".join(new_id().bytes for _ in range(16)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    ours = b"".join(new_id().bytes for _ in range(16))
    assert len(theirs) == 256
    assert not {theirs[at : at + 16] for at in range(0, 256, 16)} & {ours[at : at + 16] for at in range(0, 256, 16)}

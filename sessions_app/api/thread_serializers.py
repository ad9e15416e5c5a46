"""Bodies and answers of `/api/v1/threads/`. What agents serialised travels in base64 and is never read here."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.kernel.nesting import MOST_LEVELS, is_too_deep
from config.kernel.rest import StrictSerializer
from sessions_app.models import ThreadCheckpoint
from sessions_app.selectors.threads import MOST_LISTED, CheckpointsFacts
from sessions_app.services.threads import BlobAsk, CheckpointAsk, WriteAsk, WritesAsk

LONGEST_ID = 60
LONGEST_NAME = 200
LONGEST_VERSION = 80
LONGEST_TYPE = 20
MOST_CHANNELS = 2_000
MOST_WRITES = 2_000
MOST_RUNS = 100
LARGEST_INDEX = 2**31 - 1


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.Field):  # type: ignore[type-arg]
    """Bytes in base64."""

    default_error_messages = {"invalid": "This is not base64."}

    def to_internal_value(self, data: Any) -> bytes:
        """The bytes."""
        try:
            return b64decode(data, validate=True)
        except (Error, TypeError, ValueError):
            self.fail("invalid")

    def to_representation(self, value: bytes) -> str:
        """Their base64."""
        return b64encode(bytes(value)).decode()


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """A JSON object that every database stores."""

    default_error_messages = {
        "no_object": "This is not a JSON object.",
        "nul": "A character of the code 0 cannot be stored.",
        "unstorable": "It holds what no database stores: half of a surrogate pair, or a number without end.",
        "too_deep": f"It is nested deeper than {MOST_LEVELS} levels.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """The object."""
        try:
            value = super().to_internal_value(data)
        except RecursionError:
            self.fail("too_deep")
        if not isinstance(value, dict):
            self.fail("no_object")
        if is_too_deep(value):
            self.fail("too_deep")
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            text.encode()
        except ValueError:  # also a UnicodeEncodeError
            self.fail("unstorable")
        if "\\u0000" in text.replace("\\\\", ""):
            self.fail("nul")
        return value


def _name(longest: int = LONGEST_NAME, **changes: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, trim_whitespace=False, **changes)


def _optional(longest: int = LONGEST_NAME, **changes: Any) -> serializers.CharField:
    return _name(longest, required=False, allow_blank=True, default="", **changes)


class BlobIn(StrictSerializer):
    """The value of a channel at a version."""

    channel = _name()
    version = _name(LONGEST_VERSION)
    type = _name(LONGEST_TYPE)
    body = Base64Field()


class CheckpointIn(StrictSerializer):
    """Body of `PUT /api/v1/threads/{thread}/checkpoints/{id}/`."""

    namespace = _optional()
    parent_id = _optional(LONGEST_ID)
    run_id = _optional(LONGEST_ID)
    type = _name(LONGEST_TYPE, help_text="How the caller serialised it.")
    body = Base64Field(help_text="The checkpoint without the values of its channels.")
    metadata = ObjectField(required=False, default=dict)
    channel_versions = serializers.DictField(child=_name(LONGEST_VERSION), required=False, default=dict)
    blobs = serializers.ListField(
        child=BlobIn(),
        required=False,
        default=list,
        max_length=MOST_CHANNELS,
        help_text="Values of channels that are new.",
    )
    follows = serializers.BooleanField(
        required=False, default=False, help_text="Refuse it (409) unless `parent_id` is the newest of its namespace."
    )


class WriteIn(StrictSerializer):
    """One pending write."""

    index = serializers.IntegerField(min_value=-LARGEST_INDEX, max_value=LARGEST_INDEX)
    channel = _name()
    type = _name(LONGEST_TYPE)
    body = Base64Field()


class WritesIn(StrictSerializer):
    """Body of `PUT /api/v1/threads/{thread}/checkpoints/{id}/writes/`."""

    namespace = _optional()
    task_id = _name(LONGEST_ID)
    task_path = _optional()
    writes = serializers.ListField(child=WriteIn(), max_length=MOST_WRITES)


class CopyIn(StrictSerializer):
    """Body of `POST /api/v1/threads/{thread}/copy/`."""

    to = _name(help_text="A thread that has no checkpoints; it is begun if need be.")


class RestoreIn(StrictSerializer):
    """Body of `POST /api/v1/threads/{thread}/restore/`."""

    archive = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class RunsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `DELETE /api/v1/threads/`."""

    run_id = serializers.ListField(child=_name(LONGEST_ID), min_length=1, max_length=MOST_RUNS)


class ThreadsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/threads/`."""

    after = _name(required=False, default=None, help_text="Threads whose name sorts after this one.")


class NamespaceIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/threads/{thread}/checkpoints/{id}/`."""

    namespace = _optional()


class CheckpointsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/threads/{thread}/checkpoints/`."""

    namespace = _name(required=False, allow_blank=True, default=None, help_text="Left out: of every namespace.")
    checkpoint_id = _name(LONGEST_ID, required=False, default=None)
    before = _name(LONGEST_ID, required=False, default=None, help_text="Checkpoints of ids below this one.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_LISTED, required=False, default=MOST_LISTED)
    metadata = ObjectField(
        binary=True, required=False, default=dict, help_text="A JSON object: metadata have all these members."
    )


class StoredOut(serializers.Serializer):  # type: ignore[type-arg]
    """Where in the log a thing is told."""

    seq = serializers.IntegerField()


class CountOut(serializers.Serializer):  # type: ignore[type-arg]
    """How many checkpoints it was about."""

    checkpoints = serializers.IntegerField()


class ThreadOut(serializers.Serializer):  # type: ignore[type-arg]
    """A thread."""

    thread_id = serializers.CharField()
    session = serializers.UUIDField(source="session_id")
    status = serializers.CharField()
    checkpoints = serializers.IntegerField()
    head_seq = serializers.IntegerField()
    last_event_at = serializers.DateTimeField()


class BlobOut(serializers.Serializer):  # type: ignore[type-arg]
    """The value of a channel at a version."""

    namespace = serializers.CharField()
    channel = serializers.CharField()
    version = serializers.CharField()
    type = serializers.CharField()
    body = Base64Field()


class WriteOut(serializers.Serializer):  # type: ignore[type-arg]
    """A pending write."""

    task_id = serializers.CharField()
    index = serializers.IntegerField()
    channel = serializers.CharField()
    type = serializers.CharField()
    body = Base64Field()


class CheckpointOut(serializers.Serializer):  # type: ignore[type-arg]
    """A checkpoint. The values of its channels are beside it, each once."""

    namespace = serializers.CharField()
    checkpoint_id = serializers.CharField()
    parent_id = serializers.CharField(help_text="Empty: none that is stored.")
    seq = serializers.IntegerField()
    type = serializers.CharField()
    body = Base64Field()
    metadata = ObjectField()
    channel_versions = serializers.DictField(child=serializers.CharField())
    writes = WriteOut(many=True)


class CheckpointDetailOut(serializers.Serializer):  # type: ignore[type-arg]
    """A checkpoint with the values of its channels."""

    checkpoint = CheckpointOut()
    blobs = BlobOut(many=True)


class CheckpointPageOut(serializers.Serializer):  # type: ignore[type-arg]
    """Checkpoints, newest first, and the values that they share."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = CheckpointOut(many=True)
    blobs = BlobOut(many=True)


def checkpoint_ask_of(checkpoint_id: str, values: dict[str, Any]) -> CheckpointAsk:
    """A checkpoint as services take it."""
    blobs = [BlobAsk(**blob) for blob in values.pop("blobs")]
    return CheckpointAsk(checkpoint_id=checkpoint_id, blobs=blobs, **values)


def writes_ask_of(checkpoint_id: str, values: dict[str, Any]) -> WritesAsk:
    """Writes as services take them."""
    writes = [WriteAsk(**write) for write in values.pop("writes")]
    return WritesAsk(checkpoint_id=checkpoint_id, writes=writes, **values)


def shown(facts: CheckpointsFacts) -> dict[str, Any]:
    """Checkpoints and the values that they share, as they are answered."""
    lines = [
        {
            **_columns(row),
            "parent_id": row.parent_id if row.pk in facts.children else "",
            "writes": facts.writes.get(row.pk, ()),
        }
        for row in facts.checkpoints
    ]
    return {"results": CheckpointOut(lines, many=True).data, "blobs": BlobOut(facts.blobs, many=True).data}


def _columns(row: ThreadCheckpoint) -> dict[str, Any]:
    return {
        "namespace": row.namespace,
        "checkpoint_id": row.checkpoint_id,
        "seq": row.seq,
        "type": row.type,
        "body": row.body,
        "metadata": row.metadata,
        "channel_versions": row.channel_versions,
    }

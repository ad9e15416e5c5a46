"""What every REST door does with a body: take known fields only, or name what is wrong."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class StrictSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Refuses fields that nobody reads: a misspelt name must not pass in silence."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The declared fields; those with choices name them where they refuse."""
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.ChoiceField):
                known = ", ".join(map(str, field.choices))
                words = f'"{{input}}" is not a valid choice; known are: {known}.'
                field.error_messages = {**field.error_messages, "invalid_choice": words}
        return fields

    def to_internal_value(self, data: Any) -> Any:
        """Validated values, or an error that names each unknown field."""
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            detail = serializers.ErrorDetail("There is no such field.", code="unknown_field")
            raise serializers.ValidationError({name: [detail] for name in unknown})
        return super().to_internal_value(data)


@lru_cache
def paged(serializer_class: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The envelope of a list, for the OpenAPI document: `{next, previous, results}`."""
    fields = {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": serializer_class(many=True),
    }
    return type(f"Page{serializer_class.__name__}", (serializers.Serializer,), fields)


def validated(serializer_class: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The body's values; a ValidationError names each field at fault."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values

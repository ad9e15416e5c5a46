"""Doors of the gateway: `/v1/` as OpenAI's clients know it, and `/api/v1/gateway/` for everything about it."""

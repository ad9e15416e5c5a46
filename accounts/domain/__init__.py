"""Who asks: roles, scopes and the principal every door hands down. Pure."""

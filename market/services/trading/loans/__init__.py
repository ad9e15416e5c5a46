"""Quota lent until a date, quota promised for a later period, and quota shared inside a team."""

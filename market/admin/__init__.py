"""The administration of policies, purposes and passes, and the records of the market."""

from market.admin import fund, passes, policies, purposes, requests  # noqa: F401 - registers the pages
from market.admin.trading import accounts, auctions, conduct, halts, loans, orders, supply  # noqa: F401

"""The market in surplus quota: money, orders, calls, loans, forwards, clean supply and conduct."""

"""The secondary market: instruments, orders, auctions, money, loans, clean supply and conduct."""

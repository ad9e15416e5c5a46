"""Real servers for the tests, started by the tests: PostgreSQL, a Redis-protocol server, Commonwatt itself."""

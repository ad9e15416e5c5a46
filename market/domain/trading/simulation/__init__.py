"""SIMULATION: a week of teams who trade quota by fixed rules, cleared by the market's own calls. No real trades."""

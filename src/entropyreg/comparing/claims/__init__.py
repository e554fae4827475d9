"""The claims ledger: every declared claim evaluated by its declared rule, from the records."""

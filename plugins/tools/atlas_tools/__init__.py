"""Commands that need no run: check, schema, cache. Light."""

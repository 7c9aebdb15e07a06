"""Commands that keep a finished run: verify, rebuild, export. Light."""

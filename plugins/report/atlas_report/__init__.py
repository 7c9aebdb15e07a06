"""What is written of a finished run: a page, tables, Markdown."""

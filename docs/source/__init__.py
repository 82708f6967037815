"""The reference pages, made from the program: `python -m docs.source` writes docs/reference/."""

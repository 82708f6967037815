"""What MkDocs has to be told: files of the repository outside of docs/ lie at its host, not on the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?P<before>\]\()(?P<path>\.\.?/[^)#\s]+)(?P<after>(?:#[^)\s]*)?\))")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: object) -> str:
    """Turn links that leave docs/ into links to the repository (an event of MkDocs)."""
    folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))

    def absolute(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link["path"]))
        if path.startswith(("docs/", "..")):
            return link[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{link['before']}{config.repo_url.rstrip('/')}/{kind}/main/{path}{link['after']}"

    return _LINK.sub(absolute, markdown)

"""The few turns of phrase that all messages about declarations share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

_SHOWN = 40
_PATH_SHOWN = 120
_MOST_CANDIDATES = 1000
_MOST_LISTED = 12

_CREDENTIAL = re.compile(r"tskey-|-----BEGIN|\beyJ")
# Better one name too many hidden than one credential shown: a reader finds the value at the place of the finding.
_LIKE_A_SECRET = re.compile(r"(?=[A-Za-z0-9+/=_]*[0-9])(?=[A-Za-z0-9+/=_]*[A-Za-z])[A-Za-z0-9+/=_]{20,}")


def quoted(text: str) -> str:
    """A text from a file in quotes, cut to 40 characters on one line; or a note in place of what looks like a secret."""
    if _CREDENTIAL.search(text) or _LIKE_A_SECRET.search(text):
        return "(a value that looks like a secret)"
    line = "".join(c if c.isprintable() else " " for c in text)
    return f'"{line}"' if len(line) <= _SHOWN else f'"{line[: _SHOWN - 1]}…"'


def path_text(path: Iterable[str | int]) -> str:
    """`clusters.blue.expose.nginx.ports[0]`: where something stands in the declarations."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            is_name = re.fullmatch(r"[\w:@.-]{1,60}", part) and not _CREDENTIAL.search(part)
            text += ("." if text else "") + (part if is_name else quoted(part))
    return text if len(text) <= _PATH_SHOWN else f"{text[: _PATH_SHOWN - 1]}…"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was most likely meant, or None."""
    if len(name) > _PATH_SHOWN or len(known) > _MOST_CANDIDATES:
        return None  # comparing would take long, and such a name is no slip of the keys
    by_folded = {_folded(k): k for k in known}
    found = difflib.get_close_matches(_folded(name), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """`Did you mean blue.nginx?`, or nothing."""
    meant = nearest(name, known)
    return f"Did you mean {meant}?" if meant else ""


def listed(names: Iterable[str], *, none: str = "none") -> str:
    """`a, b and 3 more`: at most twelve names, in the order given."""
    every = list(names)
    if not every:
        return none
    more = len(every) - _MOST_LISTED
    return ", ".join(every[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")

"""HuJSON: JSON with comments and trailing commas, the language of the policy file.

Reads without losing a byte (`parse`, `pack`), writes the canonical form of the Go module github.com/tailscale/hujson
(`format`, `format_value`), plain JSON (`standardize`) and Python data (`to_python`), and composes documents (`build` …).
"""

from tailstack.access.hujson.building import (
    Buildable,
    append_elements,
    append_members,
    build,
    commented,
    find,
    find_path,
    member,
    spread,
    string_literal,
    with_member,
    with_path,
)
from tailstack.access.hujson.formatting import WIDTH, comparable, format, format_part, format_value, standardize  # noqa: A004 -- the name of the function in the Go module
from tailstack.access.hujson.parsing import Document, parse
from tailstack.access.hujson.tree import (
    Array,
    HujsonError,
    Json,
    Literal,
    Member,
    Object,
    Value,
    byte_length,
    duplicate_members,
    pack,
    to_python,
)

__all__ = [
    "WIDTH",
    "Array",
    "Buildable",
    "Document",
    "HujsonError",
    "Json",
    "Literal",
    "Member",
    "Object",
    "Value",
    "append_elements",
    "append_members",
    "build",
    "byte_length",
    "commented",
    "comparable",
    "duplicate_members",
    "find",
    "find_path",
    "format",
    "format_part",
    "format_value",
    "member",
    "pack",
    "parse",
    "spread",
    "standardize",
    "string_literal",
    "to_python",
    "with_member",
    "with_path",
]

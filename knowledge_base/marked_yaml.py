"""Reading YAML strictly, with the line of every field at hand for errors."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from knowledge_base.errors import KnowledgeBaseError, fault
from knowledge_base.tables import read_text

_TEXT = "tag:yaml.org,2002:str"
_NUMBER = "tag:yaml.org,2002:int"
_FLAG = "tag:yaml.org,2002:bool"
_NOTHING = "tag:yaml.org,2002:null"


class Fields:
    """A YAML mapping whose fields are read by name and type; an unknown or repeated field is an error."""

    def __init__(self, file: str, node: Node, known: Collection[str]) -> None:
        """Take a node; raises ``KnowledgeBaseError`` unless it is a mapping of known fields."""
        self.file = file
        self.line = node.start_mark.line + 1
        if not isinstance(node, MappingNode):
            raise fault(file, self.line, "mapping", f"expected fields out of {', '.join(sorted(known))}")
        self._nodes: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                raise fault(file, key.start_mark.line + 1, name, f"expected one of {', '.join(sorted(known))}")
            if name in self._nodes:
                raise fault(file, key.start_mark.line + 1, name, "expected each field once, found it again")
            self._nodes[name] = value

    def fault(self, field: str, expected: str) -> KnowledgeBaseError:
        """Return an error that points at the line of a field."""
        node = self._nodes.get(field)
        return fault(self.file, node.start_mark.line + 1 if node else self.line, field, expected)

    def text(self, field: str, default: str | None = None) -> str:
        """Return a text that is not empty, or ``default`` where the field is absent."""
        node = self._nodes.get(field)
        if node is None and default is not None:
            return default
        if not isinstance(node, ScalarNode) or node.tag != _TEXT or not node.value.strip():
            raise self.fault(field, "expected a text (in quotes if it looks like a number, a date or yes/no)")
        return str(node.value.strip())

    def count(self, field: str) -> int:
        """Return a whole number above zero."""
        node = self._nodes.get(field)
        if not isinstance(node, ScalarNode) or node.tag != _NUMBER or not node.value.isdecimal() or not int(node.value):
            raise self.fault(field, "expected a whole number above zero")
        return int(node.value)

    def flag(self, field: str) -> bool:
        """Return true or false; an absent field is false."""
        node = self._nodes.get(field)
        if node is None:
            return False
        if not isinstance(node, ScalarNode) or node.tag != _FLAG or node.value not in ("true", "false"):
            raise self.fault(field, "expected true or false")
        return bool(node.value == "true")

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a list of texts; an absent or empty field has none."""
        texts = []
        for node in self._sequence(field):
            if not isinstance(node, ScalarNode) or node.tag != _TEXT or not node.value.strip():
                raise fault(self.file, node.start_mark.line + 1, field, "expected a list of texts")
            texts.append(str(node.value.strip()))
        if len(set(texts)) != len(texts):
            raise self.fault(field, "expected different texts, found one twice")
        return tuple(texts)

    def mappings(self, field: str, known: Collection[str]) -> list[Fields]:
        """Return a list of mappings; an absent or empty field has none."""
        return [Fields(self.file, node, known) for node in self._sequence(field)]

    def _sequence(self, field: str) -> list[Node]:
        node = self._nodes.get(field)
        if node is None or (isinstance(node, ScalarNode) and node.tag == _NOTHING):
            return []
        if not isinstance(node, SequenceNode):
            raise self.fault(field, "expected a list")
        return list(node.value)


def read_yaml(path: Path, known: Collection[str]) -> Fields:
    """Return the top-level fields of a YAML file.

    Raises:
        KnowledgeBaseError: the file is unreadable, is not YAML, or is no mapping with these fields.
    """
    try:
        node = yaml.compose(read_text(path), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise fault(path.name, line, "yaml", f"expected valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise fault(path.name, 0, "yaml", f"expected valid YAML: {type(error).__name__}") from error
    if node is None:
        raise fault(path.name, 1, "file", f"expected fields out of {', '.join(sorted(known))}, found an empty file")
    return Fields(path.name, node, known)

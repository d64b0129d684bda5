"""YAML to a tree. Imported only when there is a text to read: PyYAML is a third of a small start."""

import yaml

from refloat.settings.tree import Branch, Leaf, Node, NotYamlError, Row, SaidTwiceError

MERGE = "tag:yaml.org,2002:merge"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str, source: str, *, lines: bool) -> Node | None:
    """Read one YAML document. None: it is empty. `source` names it; `lines`: name each line too.

    Raises NotYamlError.
    """
    loader = _Loader(text)
    try:
        document = loader.get_single_node()
        return None if document is None else _Reading(loader, source, lines=lines).node(document)
    except yaml.YAMLError as problem:
        raise NotYamlError(_sentence(problem)) from None
    except RecursionError:
        raise NotYamlError("it is nested too deeply") from None
    finally:
        loader.dispose()


class _Reading:
    def __init__(self, loader: yaml.SafeLoader, source: str, *, lines: bool) -> None:
        self._loader = loader
        self._source = source
        self._lines = lines

    def node(self, document: yaml.Node) -> Node:
        origin = self._origin(document)
        if isinstance(document, yaml.MappingNode):
            _refuse_twice(document)
            self._loader.flatten_mapping(document)  # the merge key `<<`
            return Branch(origin, {key.value: self._under(key, value) for key, value in document.value})
        if isinstance(document, yaml.SequenceNode):
            return Row(origin, [self.node(item) for item in document.value])
        return Leaf(document.value, document.tag, origin)

    def _under(self, key: yaml.Node, value: yaml.Node) -> Node:
        if not isinstance(key, yaml.ScalarNode):
            raise NotYamlError(f"{self._origin(key)}: a key is not a word")
        return self.node(value)

    def _origin(self, document: yaml.Node) -> str:
        return f"{self._source} line {document.start_mark.line + 1}" if self._lines else self._source


def _refuse_twice(document: yaml.MappingNode) -> None:
    """Raise SaidTwiceError: YAML's keys are unique, and PyYAML takes the last one without a word."""
    lines: dict[str, int] = {}
    words = [key for key, _ in document.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE]
    for key in words:
        line = key.start_mark.line + 1
        if key.value in lines:
            raise SaidTwiceError(key.value, (lines[key.value], line))
        lines[key.value] = line


def _sentence(problem: yaml.YAMLError) -> str:
    mark = getattr(problem, "problem_mark", None)
    what = getattr(problem, "problem", None) or str(problem)
    return f"line {mark.line + 1}: {what}" if mark is not None else str(what)

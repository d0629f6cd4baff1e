"""YAML from outside: plain values of a short text."""

from typing import Any

MAX_YAML = 1 << 20
"""Characters; a config or the head of a card has a few thousand, and the reader takes seconds for a million."""


def parse_yaml(text: str) -> Any:
    """Parse YAML; raises ValueError, also for aliases, by which a hundred letters unfold to any size.

    >>> parse_yaml("base_model: owner/name")
    {'base_model': 'owner/name'}
    """
    import yaml

    class Plain(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("it has aliases")
            return super().compose_node(parent, index)

    if len(text) > MAX_YAML:
        raise ValueError(f"it has more than {MAX_YAML:,} characters")
    try:
        return yaml.load(text, Plain)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None

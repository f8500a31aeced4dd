"""Optional parts of a new project, and the passages of packaged files that belong to them."""

import re
from dataclasses import dataclass

PREVIEW_FILES = frozenset({".github/workflows/previews.yml"})

_CONDITIONAL = re.compile(
    r"^(?:#|<!--) (with|without) (neon|service)(?: -->)?\n(.*?)^(?:#|<!--) end(?: -->)?\n", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class ProjectParts:
    """`neon`: the workflow and settings for preview databases on Neon. `service`: the read service."""

    neon: bool = True
    service: bool = True

    def excludes(self, file: str) -> bool:
        return file in PREVIEW_FILES and not self.neon

    def filter_text(self, text: str) -> str:
        """Remove the passages of excluded parts from a packaged text.

        A passage begins with a line such as `# with neon` or `# without service`, and ends with `# end`. In Markdown,
        these lines are HTML comments.
        """
        parts = {"neon": self.neon, "service": self.service}

        def select(match: re.Match[str]) -> str:
            condition, part, passage = match.groups()
            return passage if parts[part] == (condition == "with") else ""

        return _CONDITIONAL.sub(select, text)

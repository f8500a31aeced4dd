"""What a new project can be begun without, and the text that goes with it."""

import re
from dataclasses import dataclass

PREVIEWS = frozenset({".github/workflows/previews.yml"})

_MARKED = re.compile(
    r"^(?:#|<!--) (with|without) (neon|service)(?: -->)?\n(.*?)^(?:#|<!--) end(?: -->)?\n", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Parts:
    """`neon` is previews of pull requests on Neon: their workflow and settings. `service` is the read service."""

    neon: bool = True
    service: bool = True

    def leaves_out(self, file: str) -> bool:
        return file in PREVIEWS and not self.neon

    def chosen(self, text: str) -> str:
        """A packaged text without the passages of what is left out. They stand between lines such as `# with neon`, or
        `# without service`, and `# end`; in Markdown these are comments of its own kind.
        """
        parts = {"neon": self.neon, "service": self.service}

        def kept(found: re.Match[str]) -> str:
            how, part, passage = found.groups()
            return passage if parts[part] == (how == "with") else ""

        return _MARKED.sub(kept, text)

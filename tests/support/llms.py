"""Write llms.txt and llms-full.txt (llmstxt.org) beside the built site: `python -m tests.support.llms FOLDER`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def list_sections() -> Iterator[tuple[str, list[str]]]:
    """List the sections of the navigation with their pages. Pages outside a section come first."""
    top: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for entry in yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]:
        ((title, pages),) = entry.items()
        if isinstance(pages, list):
            sections.append((title, pages))
        else:
            top.append(pages)
    yield "Start", top
    yield from sections


def read_page(page: str) -> tuple[str, str, str]:
    """Read a page: its title, its first sentence, and its text without the comments for tests."""
    text = re.sub(r"<!--.*?-->\n?", "", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    title = text.splitlines()[0].removeprefix("# ").strip()
    paragraph = next(part for part in text.split("\n\n")[1:] if part[:1].isalpha() or part[:1] == "`")
    sentence = re.split(r"(?<=[.:])\s", " ".join(paragraph.split()), maxsplit=1)[0]
    return title, sentence.rstrip(":"), text.strip()


def write_files(folder: Path) -> None:
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    index = [f"# {configuration['site_name']}", "", f"> {configuration['site_description']}", ""]
    texts = []
    for section, pages in list_sections():
        index += [f"## {section}", ""]
        for page in pages:
            title, sentence, text = read_page(page)
            index.append(f"- [{title}]({page}): {sentence}")
            texts.append(text)
        index.append("")
    (folder / "llms.txt").write_text("\n".join(index).rstrip() + "\n", encoding="utf-8")
    (folder / "llms-full.txt").write_text("\n\n---\n\n".join(texts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_files(Path(sys.argv[1]))

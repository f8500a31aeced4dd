"""The question about an ambiguous rename, and its answers."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from seedbed.errors import AmbiguousRename, DraftCancelled

pytestmark = pytest.mark.unit

draft = import_module("seedbed.cli.migrate.draft")  # the package's attribute of that name is the command

ONE = AmbiguousRename("column", "task.title", "task.headline")
SEVERAL = AmbiguousRename("column", "task.title", "task.headline", ["task.subject"])


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Give answers one after another; the returned list has the questions. None is the end of the input."""

    def give(*given: str | None) -> list[str]:
        asked: list[str] = []
        left: Iterator[str | None] = iter(given)

        def ask(question: str) -> str | None:
            asked.append(question)
            return next(left)

        monkeypatch.setattr(draft, "ask", ask)
        return asked

    return give


class TestAskForNewName:
    @pytest.mark.parametrize(
        ("question", "given", "expected"),
        [
            (ONE, ["rename"], "task.headline"),
            (ONE, ["task.headline"], "task.headline"),
            (ONE, ["drop"], None),
            (ONE, ["y", "no", "1", "Drop it", " rename "], "task.headline"),
            (SEVERAL, ["2"], "task.subject"),
            (SEVERAL, ["task.subject"], "task.subject"),
            (SEVERAL, ["rename", "3", "0", "1"], "task.headline"),
            (SEVERAL, ["drop"], None),
        ],
    )
    def test_asks_until_an_answer_is_given(
        self, answers: Callable[..., list[str]], question: AmbiguousRename, given: list[str], expected: str | None
    ) -> None:
        asked = answers(*given)

        assert draft._ask_for_new_name(question) == expected
        assert len(asked) == len(given)

    @pytest.mark.parametrize("question", [ONE, SEVERAL])
    @pytest.mark.parametrize("given", ["stop", None])
    def test_stops_with_the_question_unanswered(
        self, answers: Callable[..., list[str]], question: AmbiguousRename, given: str | None
    ) -> None:
        answers(given)

        with pytest.raises(DraftCancelled, match=r"task\.title: no revision was written") as stopped:
            draft._ask_for_new_name(question)
        assert stopped.value.remedy == question.remedy

    def test_lists_several_names_with_numbers(
        self, answers: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked = answers("1")

        draft._ask_for_new_name(SEVERAL)

        assert capsys.readouterr().err.splitlines()[1:] == [
            "  1  task.title is now task.headline",
            "  2  task.title is now task.subject",
        ]
        assert asked == ["Which one? Type a number from 1 to 2, drop or stop"]

"""Results as `--json` prints them."""

import json

import pytest

from seedbed.cli.options import show
from seedbed.migrations.apply.upgrade import AppliedRevisions
from seedbed.previews.preview_data import PreviewData, RowSource
from seedbed.settings import DatabaseUrl

pytestmark = pytest.mark.unit


class TestShow:
    def test_prints_every_fact_of_a_result(self, capsys: pytest.CaptureFixture[str]) -> None:
        filled = PreviewData(AppliedRevisions("shop", (), "0001", "0001", (), 0.5), RowSource.COPIED)

        show({"filled": filled}, as_json=True, lines=[])

        assert json.loads(capsys.readouterr().out) == {
            "filled": {
                "migration": {
                    "database": "shop",
                    "applied": [],
                    "revision": "0001",
                    "head": "0001",
                    "pending_contract": [],
                    "seconds": 0.5,
                },
                "row_source": "copied",
                "losses": [],
                "seed_result": None,
                "mask_result": None,
                "schema_comparison": None,
            }
        }

    def test_masks_a_url(self, capsys: pytest.CaptureFixture[str]) -> None:
        show({"url": DatabaseUrl("app", "secret", "db", "5432", "shop")}, as_json=True, lines=[])

        assert json.loads(capsys.readouterr().out) == {"url": "postgresql://app:***@db:5432/shop"}

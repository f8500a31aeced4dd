"""The reference project on an embedded server of the test's own, in a folder that is gone afterwards."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration, find_project, load_configuration

ROOT = Path(__file__).parents[3]
MEMORY = Path("/dev/shm")


@contextmanager
def reference_project() -> Iterator[Configuration]:
    home = Path(tempfile.mkdtemp(prefix="seedbed-server-", dir=MEMORY if MEMORY.is_dir() else None))
    home.chmod(0o711)
    configuration = load_configuration(find_project(ROOT), "development", environ={"SEEDBED_DATA_DIR": str(home)})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the server outlives what started it, as it should
            EmbeddedServer.from_configuration(configuration).ensure_running()
        yield configuration
    finally:
        EmbeddedServer.from_configuration(configuration).stop()
        shutil.rmtree(home)

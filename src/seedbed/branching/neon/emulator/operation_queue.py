"""The queue of an emulated project's operations; while one is running, the API accepts no other change."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue

from seedbed.branching.neon.emulator.models import ApiError, EmulatedBranch, EmulatedEndpoint, EmulatedOperation


@dataclass
class OperationQueue:
    project: str
    step: float = 0.05
    """Seconds that an operation takes to start, and again to finish."""
    done: list[EmulatedOperation] = field(default_factory=list)
    """All operations, including running ones; the newest last."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _queue: "Queue[EmulatedOperation | None]" = field(default_factory=Queue)

    @contextmanager
    def running(self) -> Iterator[None]:
        worker = threading.Thread(target=self._work, name="seedbed-emulator-operations")
        worker.start()
        try:
            yield
        finally:
            self.stopped.set()
            self._queue.put(None)
            worker.join()

    def check_idle(self) -> None:
        if any(operation.is_running for operation in self.done[::-1]):
            raise ApiError(
                423, "", "project already has running conflicting operations, scheduling of new ones is prohibited"
            )

    def schedule(
        self,
        action: str,
        work: Callable[[], None],
        branch: EmulatedBranch | None,
        endpoint: EmulatedEndpoint | None = None,
    ) -> EmulatedOperation:
        operation = EmulatedOperation(
            action, self.project, branch.id if branch else None, endpoint.id if endpoint else None, work
        )
        self.done.append(operation)
        self._queue.put(operation)
        return operation

    def _work(self) -> None:
        while (operation := self._queue.get()) is not None:
            time.sleep(self.step)
            operation.status = "running"
            try:
                operation.work()
                time.sleep(self.step)
                operation.status = "finished"
            except Exception as error:
                operation.status, operation.error = "failed", str(error)

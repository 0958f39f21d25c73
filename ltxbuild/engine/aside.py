"""Runs a blocking call beside the event loop, in a thread for which nobody waits when the program ends. Knows no task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def aside(call: Callable[[], T]) -> asyncio.Future[T]:
    """The call's result, or what it raised. Cancelling the future leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(value: T) -> None:
        if not answer.done():
            answer.set_result(value)

    def fail(error: BaseException) -> None:
        if not answer.done():
            answer.set_exception(error)

    def tell(step: Callable[..., None], outcome: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(step, outcome)

    def work() -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            tell(fail, error)
        else:
            tell(settle, value)

    threading.Thread(target=work, daemon=True).start()
    return answer

from __future__ import annotations

import pytest

from fcn_studio.core.event import Event


def test_callbacks_are_called_in_order_until_disconnected() -> None:
    event: Event[int] = Event()
    seen: list[tuple[str, int]] = []
    stop = event.connect(lambda n: seen.append(("a", n)))
    event.connect(lambda n: seen.append(("b", n)))
    event.emit(1)
    stop()
    stop()
    event.emit(2)
    assert seen == [("a", 1), ("b", 1), ("b", 2)]


def test_one_function_connected_twice_is_two_connections() -> None:
    event: Event[()] = Event()
    seen: list[int] = []

    def note() -> None:
        seen.append(0)

    event.connect(note)
    stop = event.connect(note)
    stop()
    stop()
    event.emit()
    assert len(seen) == 1


def test_disconnecting_while_emitting_is_safe() -> None:
    event: Event[()] = Event()
    seen: list[str] = []
    stops = [event.connect(lambda: stops[0]()), event.connect(lambda: seen.append("second"))]
    event.emit()
    assert seen == ["second"]


def test_what_a_callback_raises_reaches_the_emitter() -> None:
    event: Event[()] = Event()
    event.connect(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        event.emit()

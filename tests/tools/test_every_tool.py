"""What every tool in the table must do, whatever its gestures are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio import core, i18n, paths, tools
from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.rules import PaintRules
from fcn_studio.tools import TOOLS, ToolSpec
from fcn_studio.tools.base import PointerEvent, Tool
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.options import AnyOption, Choice, Size, Toggle
from fcn_studio.ui.actions.table import ACTIONS, BY_NAME, CLASS_KEYS, MOUSE, shortcut_table
from tests.core.annotations import document_of, on_image, random_labels, rules, seeds
from tests.core.test_edit import expected_paintable
from tests.tools.scripts import Window

every_tool = pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)

SIDE = 40
places = st.floats(-5, SIDE + 5, allow_nan=False)
pointer_events = st.builds(
    PointerEvent,
    places,
    places,
    st.sampled_from(["left", "right", "middle"]),
    st.sampled_from([frozenset(), frozenset({"left"}), frozenset({"right"})]),
    st.booleans(),
    pressure=st.floats(0, 1),
)
Act = tuple[str, object]
acts: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.sampled_from(["press", "move", "release", "double_click"]), pointer_events),
    st.tuples(st.just("key"), st.sampled_from(["Enter", "Backspace", "Undo", "Escape"])),
    st.tuples(st.sampled_from(["leave", "settle", "cancel", "work", "overlay"]), st.none()),
)
# A press begins most scripts and a release of the same button ends a gesture: else hardly one would write.
scripts = st.lists(acts, max_size=12).flatmap(
    lambda middle: st.tuples(pointer_events, st.just(middle)).map(
        lambda both: [("press", both[0]), *both[1], ("release", both[0])]
    )
)


def value_of(option: AnyOption) -> st.SearchStrategy[object]:
    if isinstance(option, Size):
        return st.integers(1, min(option.maximum, 2 * SIDE))
    if isinstance(option, Choice):
        return st.sampled_from([value for value, _title, _icon in option.choices])
    assert isinstance(option, Toggle)
    return st.booleans()


@dataclass
class Bench:
    """A tool over an image, whose steps are counted."""

    spec: ToolSpec
    seed: int
    labels: Labels
    allowed: PaintRules
    options: dict[str, object]
    steps: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document: Document = document_of(self.labels)
        self.document.rules = self.allowed = on_image(self.allowed, self.seed, SIDE, SIDE)
        self.document.stepped.connect(lambda _motion, step: self.steps.append(step))
        said = random_labels(0, SIDE, SIDE).label_map
        prediction = Prediction(self.document.image_id, said, said, "ab" * 32)
        window = Window(self.document, prediction, class_index=2, selection=self.allowed.selection)
        vars(window).update(self.options)
        self.tool: Tool = self.spec.tool(window)

    def do(self, act: Act) -> None:
        name, argument = act
        method: Callable[..., object] = getattr(self.tool, name)
        method() if argument is None else method(argument)

    @property
    def state(self) -> bytes:
        return self.document.label_map.tobytes() + self.document.provenance.tobytes()


@st.composite
def benches(draw: st.DrawFn, spec: ToolSpec) -> Bench:
    options = {option.name: draw(value_of(option)) for option in spec.tool.options}
    seed = draw(seeds)
    return Bench(spec, seed, random_labels(seed, SIDE, SIDE), draw(rules), options)


@pytest.fixture(params=[10**9, 1], ids=["at once", "in shares"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work is done at once, or in shares from the first pixel on."""
    monkeypatch.setattr("fcn_studio.tools.base.LARGE", request.param)


@every_tool
@pytest.mark.usefixtures("large")
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_gesture_is_at_most_one_step_and_undo_all_is_the_start(spec: ToolSpec, data: st.DataObject) -> None:
    bench = data.draw(benches(spec))
    start = bench.state
    for act in data.draw(scripts):
        busy, steps = bench.tool.busy, len(bench.steps)
        bench.do(act)
        made = len(bench.steps) - steps
        assert made <= 1 or (busy and made == 2), act  # the gesture that was half done, and a whole one
    bench.tool.settle()
    assert (bench.tool.busy, bench.document.editing) == (False, False)
    if not spec.tool.writes:
        assert not bench.steps
    end = bench.state
    undone = 0
    while bench.document.undo() is not None:
        undone += 1
    assert bench.state == start
    for _ in range(undone):
        bench.document.redo()
    assert bench.state == end


@every_tool
@pytest.mark.usefixtures("large")
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cancel_puts_everything_back(spec: ToolSpec, data: st.DataObject) -> None:
    bench = data.draw(benches(spec))
    before = bench.state
    for act in data.draw(scripts)[:-1]:  # without the release: most gestures are half done
        bench.do(act)
        if not bench.document.editing:
            before = bench.state
    steps = len(bench.steps)
    bench.tool.cancel()
    assert (bench.tool.busy, bench.document.editing, len(bench.steps)) == (False, False, steps)
    assert bench.state == before
    bench.tool.settle()
    assert len(bench.steps) == steps


@every_tool
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_tool_changes_a_pixel_that_the_rules_keep(spec: ToolSpec, data: st.DataObject) -> None:
    bench = data.draw(benches(spec))
    rules = bench.allowed if spec.tool.paints else bench.allowed.unprotected()
    if issubclass(spec.tool, Brush):  # what it has erased is unlabelled
        rules = rules.for_erasing()
    if bench.options.get("purpose", "label") != "label":
        rules = replace(rules, selection=None)  # the tool may change it
    kept = ~expected_paintable(bench.labels, rules)
    for act in data.draw(scripts):
        bench.do(act)
    bench.tool.settle()
    assert np.array_equal(bench.document.label_map[kept], bench.labels.label_map[kept])
    assert np.array_equal(bench.document.provenance[kept], bench.labels.provenance[kept])


@every_tool
def test_without_an_image_nothing_happens(spec: ToolSpec) -> None:
    tool = spec.tool(Window(None))
    event = PointerEvent(3, 3, "left")
    for act in (tool.press, tool.move, tool.release, tool.double_click):
        act(event)
    assert not tool.key("Escape")
    tool.leave()
    tool.settle()
    tool.cancel()
    assert not tool.busy


@every_tool
def test_it_has_an_icon_and_a_key_of_its_own(spec: ToolSpec) -> None:
    assert paths.resource("icons", f"{spec.name}.svg").is_file()
    taken = {key.casefold() for action in ACTIONS if action.name != spec.name for key in action.shortcuts}
    assert spec.key.casefold() not in taken | {key.casefold() for key in CLASS_KEYS}
    assert sum(other.key.casefold() == spec.key.casefold() for other in TOOLS) == 1
    assert f"| {spec.key} | {spec.help} |" in shortcut_table()
    assert set(spec.tool.gestures) <= set(MOUSE)


@every_tool
def test_its_title_is_translated(spec: ToolSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    i18n.use(i18n.PSEUDO)
    try:
        assert BY_NAME[spec.name].plain_text.startswith("⟦")
    finally:
        i18n.use("en")


def test_names_of_tools_and_options_are_unique() -> None:
    assert len({spec.name for spec in TOOLS}) == len(TOOLS)
    options = {option for spec in TOOLS for option in spec.tool.options}
    assert len({option.name for option in options}) == len(options)


@pytest.mark.parametrize(
    "title", ["Brush stroke", "Erase", "Fill", "Polygon", "Auto-segment", "Accept", "Verify", "Skip"]
)
def test_titles_of_steps_stay_english_for_the_journal_and_are_marked(title: str) -> None:
    sources = (Path(tools.__file__).parent, Path(core.__file__).parent)
    text = "".join(path.read_text(encoding="utf-8") for folder in sources for path in folder.glob("*.py"))
    assert f'tr_noop("{title}")' in text
    assert f'tr("{title}")' not in text

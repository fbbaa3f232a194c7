"""Networks by hand: Ctrl+I knows nothing, import one, say what its classes mean, auto-segment, go back, close."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.ui.app import Studio
from fcn_studio.ui.dialogs.class_map_dialog import ClassMapDialog
from tests.journeys.driver import Script, run_program, trigger


def script(studio: Studio, file: Path) -> Script:
    session, network, window = studio.session, studio.network, studio.window
    networks = window._commands.networks
    yield lambda: session.document is not None and window.isVisible()
    assert not network.current.can_prelabel
    trigger(studio, "auto_segment")
    assert "nothing to pre-label with yet" in window._strip.text
    next(button for button in window._strip.buttons if button.text() == "Networks…").click()
    dialog = networks.dialog
    assert dialog is not None
    yield lambda: dialog.chosen is not None

    network.library.bring_in(file)
    yield lambda: any(row.title == file.stem for row in network.library.networks)
    dialog._choose(next(key for key, row in dialog._choices.items() if row.title == file.stem))
    ClassMapDialog.asked = _answered  # type: ignore[method-assign] - what exec() would wait for
    dialog.use_button.click()
    assert network.current.name == file.stem
    assert network.current.known == ["thing", "sky"]
    dialog.close()

    document = session.document
    assert document is not None
    trigger(studio, "auto_segment")
    yield lambda: document.status is Status.PRELABELLED
    assert (document.provenance == Provenance.NETWORK).all()
    assert set(np.unique(document.label_map)) <= {1, 2}
    assert session.prediction is not None
    assert set(np.unique(session.prediction.label_map)) <= {1, 2}
    yield lambda: session.save_state == "saved"
    trigger(studio, "go_back")
    assert network.current.name != file.stem
    window.close()


def _answered(dialog: ClassMapDialog) -> bool:
    """Say that "road" is a thing, and "sky" a new class."""
    dialog.rows[0].choose(1)
    dialog.rows[1].choose(-1)
    return True


def reopen(studio: Studio, file: Path) -> Script:
    """It went back, so the network in use is again the one that it began with; the map is still known."""
    session, network = studio.session, studio.network
    yield lambda: session.document is not None and studio.window.isVisible()
    assert [c.name for c in session.table] == ["background", "thing", "sky"]
    assert network.current.name != file.stem
    network.library.refresh()
    yield lambda: bool(network.library.networks)
    row = next(row for row in network.library.networks if row.title == file.stem)
    assert row.timing is not None, "how long it took is remembered"
    studio.window.close()


if __name__ == "__main__":
    stage, folder, network_file = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    words = "nothing to pre-label with yet"
    run_program([folder], lambda studio: (script if stage == "use" else reopen)(studio, network_file), expected=words)

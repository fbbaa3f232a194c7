"""The parts of the window that deal with networks.

They are made, connected and ended here.
"""

from __future__ import annotations

from dataclasses import dataclass

from fcn_studio.ui.network.auto_segment import AutoSegment
from fcn_studio.ui.network.click_answers import ClickAnswers
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.fine_tuning import FineTuning
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.live import Live
from fcn_studio.ui.network.network_comparison import NetworkComparison
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.network_library import NetworkLibrary
from fcn_studio.ui.network.network_process import JobProcess
from fcn_studio.ui.network.predictions import Predictions
from fcn_studio.ui.network.stored_predictions import StoredPredictions
from fcn_studio.ui.session.session import Session


@dataclass(frozen=True)
class NetworkParts:
    """The network parts that live as long as the window.

    Each is used directly.
    """

    process: JobProcess
    job_list: JobList
    device: NetworkDevice
    current: CurrentNetwork
    library: NetworkLibrary
    predictions: Predictions
    stored: StoredPredictions
    auto_segment: AutoSegment
    fine_tuning: FineTuning
    live: Live
    click_answers: ClickAnswers
    comparison: NetworkComparison

    @classmethod
    def make(cls, session: Session, process: JobProcess) -> NetworkParts:
        """Make and connect the parts, and load the network in use."""
        job_list = JobList(process)
        device = NetworkDevice(session.settings, job_list)
        # Jobs of a project that is closed are dropped before the parts turn to the next one; downloads go on.
        session.project_changed.connect(lambda: job_list.forget_all(but=Kind.INSTALL))
        current = CurrentNetwork(session)
        library = NetworkLibrary(session, job_list)
        fine_tuning = FineTuning(session, job_list, current, device)
        predictions = Predictions(session)
        current.meaning_changed.connect(predictions.forget)
        session.grey_display.rule_changed.connect(predictions.forget)
        stored = StoredPredictions(session, current, predictions)
        stored.problem.connect(predictions.problem)
        auto_segment = AutoSegment(session, job_list, current, device, library, predictions, stored)
        live = Live(session, process, current, device, predictions)
        click_answers = ClickAnswers(session, process, current, device)
        fine_tuning.adopted.connect(auto_segment.refresh)
        current.went_back.connect(auto_segment.refresh)
        session.project_changed.connect(current.load)
        current.load()
        comparison = NetworkComparison(session, job_list, device)
        return cls(
            process, job_list, device, current, library, predictions, stored, auto_segment, fine_tuning, live,
            click_answers, comparison,
        )  # fmt: skip

    @property
    def speakers(
        self,
    ) -> tuple[JobList, CurrentNetwork, NetworkLibrary, Predictions, AutoSegment, FineTuning, Live]:
        """The parts with a ``notice`` and a ``problem``."""
        return (
            self.job_list, self.current, self.library, self.predictions, self.auto_segment, self.fine_tuning,
            self.live,
        )  # fmt: skip

    def shut_down(self) -> None:
        """Forget all jobs, end the network's process and all threads."""
        self.job_list.forget_all()
        self.fine_tuning.forget()
        self.process.shut_down()
        self.fine_tuning.shut_down()
        self.live.shut_down()
        self.comparison.shut_down()
        self.library.shut_down()
        self.stored.shut_down()

"""Frozen values that cross to and from the network's process.

Nothing else crosses between the process and the program that started it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fcn_studio.core.class_map import ClassMap
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.core.review.suspects import Suspects
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import TrainConfig, TrainProgress
from fcn_studio.i18n import Message, language


@dataclass(frozen=True, slots=True)
class ImageToSegment:
    """One image of a segment job."""

    image_id: str
    image_path: str


@dataclass(frozen=True)
class SegmentJob:
    """Predict images with one checkpoint.

    Class indices of the result are the checkpoint's own.
    """

    checkpoint: str
    images: tuple[ImageToSegment, ...]
    device: str = "auto"
    max_pixels: int = 100_000_000
    levels: GreyLevels = BY_FILE


@dataclass(frozen=True)
class FineTuneJob:
    """Train on a snapshot of trusted pixels.

    The result is compared with the network in use.

    Attributes:
        base: path of the checkpoint to start from; "" trains from scratch.
        baseline: path of the network in use, scored on the same validation snapshot; "" if there is none.
        out: path of the checkpoint to write.
        base_map: what the classes of the base mean in the project; the others go by name.
        baseline_map: the same for the baseline.
        resume: go on with the unfinished training beside ``out``.
        folds: ids of the verified images among ``train``, by the fold on which the networks are compared; empty where
            they are scored on ``val`` alone.
    """

    config: TrainConfig
    table: ClassTable
    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]
    base: str
    baseline: str
    out: str
    device: str = "auto"
    base_map: ClassMap = field(default_factory=dict)
    baseline_map: ClassMap = field(default_factory=dict)
    resume: bool = False
    folds: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class EvaluateJob:
    """Score a checkpoint on a snapshot of true label maps.

    The scores are in the class indices of ``table``.

    Attributes:
        class_map: what its classes mean in the table; the others go by name.
        boundary: whether boundaries are scored too.
    """

    checkpoint: str
    table: ClassTable
    snapshot: tuple[LabelledImage, ...]
    device: str = "auto"
    class_map: ClassMap = field(default_factory=dict)
    boundary: bool = False


@dataclass(frozen=True)
class InstallJob:
    """Bring a network into the user's library.

    A published one is downloaded, or a file is imported.

    Attributes:
        source: name of a published network, or path of a file: a checkpoint of ours, a ``.caffemodel`` or a ``.pth``.
        name: under which it is kept; "" for the published name, or the file's without suffix.
        allow_unverified: whether to take a download that nothing proves to be what was published.
        classes: names of the file's classes by index, where no published network says them.
        architecture: name of the file's architecture, where the file does not tell it; "" otherwise.
    """

    source: str
    name: str = ""
    allow_unverified: bool = False
    classes: tuple[str, ...] = ()
    architecture: str = ""


@dataclass(frozen=True)
class LiveJob:
    """Fit score layers to human pixels, and predict the open image.

    Attributes:
        base: path of the checkpoint whose trunk makes the features.
        table: classes of the project; the result is in its class indices.
        image: the open image with its human pixels, 255 elsewhere.
        others: other images with human pixels; of many, the first ones are learned from.
        base_map: what the classes of the base mean in the project; the others go by name. What the base knows of the
            project's classes is what the fit starts from.
        cache: folder that keeps features on disk; "" for none.
    """

    base: str
    table: ClassTable
    image: LabelledImage
    others: tuple[LabelledImage, ...] = ()
    device: str = "auto"
    base_map: ClassMap = field(default_factory=dict)
    cache: str = ""


@dataclass(frozen=True)
class FeaturesJob:
    """Compute features of images ahead of a live job, and keep them.

    Files that cannot be read are skipped. The result is None.

    Attributes:
        base: path of the checkpoint, as in `LiveJob`.
        cache: folder that keeps features on disk; "" for none.
    """

    base: str
    images: tuple[ImageToSegment, ...]
    device: str = "auto"
    levels: GreyLevels = BY_FILE
    cache: str = ""


@dataclass(frozen=True)
class SuspectsJob:
    """Find regions of verified images whose labels are probably wrong.

    The result is None; each image is news of its own.

    Attributes:
        base: path of the checkpoint, as in `LiveJob`; it must not have learned from the images.
        table: classes of the project.
        images: the verified images.
        folds: their ids; each fold is judged by a fit to the images of the others.
        cache: folder that keeps features on disk; "" for none.
    """

    base: str
    table: ClassTable
    images: tuple[LabelledImage, ...]
    folds: tuple[tuple[str, ...], ...]
    device: str = "auto"
    cache: str = ""


@dataclass(frozen=True)
class ClickJob:
    """Find the pixels that are like those that were clicked.

    Attributes:
        base: path of the checkpoint, as in `LiveJob`.
        image: the image.
        clicks: at least one of them inside the object.
        likely: uint8 (h, w), 0 to 255, how likely each pixel has the class of the object, by a prediction; None if
            there is none.
        levels: grey levels of the image.
        cache: folder that keeps features on disk; "" for none.
    """

    base: str
    image: ImageToSegment
    clicks: Clicks
    likely: LabelMap | None = None
    device: str = "auto"
    levels: GreyLevels = BY_FILE
    cache: str = ""


@dataclass(frozen=True)
class ClickAnswer:
    """Result of a click job.

    Attributes:
        likely: uint8 (h, w) of the working image, how likely each pixel is in the object, 0 to 255.
    """

    likely: LabelMap


Job = SegmentJob | FineTuneJob | EvaluateJob | InstallJob | LiveJob | FeaturesJob | SuspectsJob | ClickJob


@dataclass(frozen=True)
class Predicted:
    """One image of a segment job is done.

    It is number ``done`` of ``total``. ``notes`` says what ran out, each said once.

    Attributes:
        seconds: wall time that the network took for it; 0 if that was not measured.
    """

    prediction: Prediction
    done: int
    total: int
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class ImageFailed:
    """One image of a segment job could not be read.

    The job goes on.
    """

    image_id: str
    sentence: str
    done: int
    total: int


@dataclass(frozen=True)
class Evaluated:
    """So many images of an evaluation are done.

    ``notes`` says what ran out, each said once.
    """

    done: int
    total: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installing:
    """A network is on its way.

    ``total_bytes`` is 0 while nobody knows it. ``stage`` is for people, as "Downloading".
    """

    done_bytes: int
    total_bytes: int
    stage: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """So many images of a live, features or suspects job have their features."""

    done: int
    total: int


@dataclass(frozen=True)
class Judged:
    """The labels of one image of a suspects job are judged."""

    suspects: Suspects
    done: int
    total: int


JobProgress = Predicted | ImageFailed | Evaluated | TrainProgress | Installing | Prepared | Judged


@dataclass(frozen=True)
class LivePrediction:
    """Result of a live job.

    Attributes:
        prediction: in the project's class indices; its ``checkpoint`` is the sha256 of the fitted scores.
        images: number of images learned from.
        seconds: wall time of the job.
    """

    prediction: Prediction
    images: int
    seconds: float


JobResult = object
"""What a job returns.

None (segment, features, suspects), `TrainOutcome` (fine-tune), `Figures` (evaluate), a file's path (install),
`LivePrediction` or `ClickAnswer`.
"""


# --- shell -> process -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Submit:
    """Run a job.

    Interactive jobs are served between the steps of a long one. The process speaks the language of the last request.
    """

    job_id: int
    job: Job
    interactive: bool = False
    language: str = field(default_factory=language)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Forget a job without a result.

    With ``keep`` the job ends early instead and gives the result so far.
    """

    job_id: int
    keep: bool = False


# --- process -> shell -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has loaded torch.

    ``device`` is the default one, in words for people.
    """

    device: Message


@dataclass(frozen=True, slots=True)
class Started:
    """The process has begun a job."""

    job_id: int


@dataclass(frozen=True)
class Progress:
    """News of a running job."""

    job_id: int
    news: JobProgress


@dataclass(frozen=True)
class Done:
    """A job has ended well.

    ``device`` is where it ran, in words.
    """

    job_id: int
    result: JobResult
    device: Message | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A job was forgotten as asked."""

    job_id: int


@dataclass(frozen=True)
class Failed:
    """A job has ended badly.

    ``sentence`` is for the user. ``trace`` is set when it was a bug, ``architectures`` when a file to import may have
    each of them.
    """

    job_id: int
    sentence: str
    trace: str = field(default="", repr=False)
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alive:
    """A sign of life.

    It is sent every half second from the first moment on, and stays in the supervisor.

    Attributes:
        step: number of the step that the process is at; 0 while there is nothing to do.
        cpu_seconds: CPU time of the process so far, all threads.
    """

    step: int
    cpu_seconds: float


# --- supervisor -> shell ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silent:
    """The process gives no sign of life.

    It is ended if it goes on like that.
    """

    sentence: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The process gives signs of life again."""

    sentence: str


Reply = Ready | Started | Progress | Done | Cancelled | Failed | Silent | Answers

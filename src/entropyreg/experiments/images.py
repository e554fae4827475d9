"""Paper B's image runs: blocks of trainings and distillations, expanded into runs with readable ids.

A run is one configuration with a list of seeds, which are trained together. Label smoothing keeps paper B's form,
(1-smoothing) NLL + smoothing H(u, p): under SGD its scale matters, so `smoothing0.10` is not the member of skew 1 and
strength .1111 of the family, whose minimum it shares. A student names its teacher, which another block trains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from entropyreg.experiments.kinds import kind_of
from entropyreg.experiments.regularizer import Regularizer, digits, regularizer_of
from entropyreg.io.errors import UserError

REFUSED = {"winner": "no search runs on images"}
TEACHING = ("loss", "weight", "over", "teacher_seed", "teacher_sees")  # keys that go to the library as they are


@dataclass(frozen=True)
class ImageRegularizer:
    """A member of the family; `smoothing` is given for label smoothing in paper B's form alone."""

    member: Regularizer = field(default_factory=Regularizer)
    smoothing: float | None = None

    @property
    def label(self) -> str:
        return self.member.label if self.smoothing is None else f"smoothing{digits(self.smoothing)}"

    @property
    def settings(self) -> dict[str, Any]:
        """The same in the words of `images/settings.schema.yaml`."""
        if self.smoothing is not None:
            return {"kind": "label_smoothing", "smoothing": self.smoothing}
        member = self.member
        if member.strength == 0:
            return {"kind": "none"}
        kind = {"kind": "skew_jensen", "skew": member.skew}
        if member.skew is None:
            kind = {"kind": kind_of(None, member.generator)}
        amount = {"strength": member.strength} if member.entropy is None else {"entropy": member.entropy}
        unigram = {"baseline": "unigram", "unigram_temperature": member.unigram_temperature}
        return {**kind, **amount, **(unigram if member.baseline == "unigram" else {})}


@dataclass(frozen=True)
class Teaching:
    """What a student learns from: `temperature` None with `matched_to` is found when the teacher is trained.

    `matched_to` is a run whose entropy on the training images the softened teacher is brought to.
    """

    teacher: str
    teacher_label: str
    temperature: float | None
    matched_to: str | None
    options: Mapping[str, Any] = field(hash=False)

    @property
    def label(self) -> str:
        """from-<teacher>, how soft, and the weight where it is not 1."""
        amount = "logits" if self.options["loss"] == "logits" else None
        if amount is None:
            amount = f"temperature{digits(self.temperature)}" if self.temperature is not None else self.matched_label
        weight = self.options["weight"]
        return f"from-{self.teacher_label}-{amount}" + (f"-weight{digits(weight)}" if weight != 1 else "")

    @property
    def matched_label(self) -> str:
        return f"entropy.of-{self.matched_to.split('/', 1)[1].replace('/', '-')}"


@dataclass(frozen=True)
class ImageRun:
    """One training of several seeds. `test`: the test images are predicted too. `trajectory`: see the library."""

    task: str
    model: str
    regularizer: ImageRegularizer
    seeds: tuple[int, ...]
    test: bool = False
    teaching: Teaching | None = None
    trajectory: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def id(self) -> str:
        label = self.regularizer.label
        if self.teaching:
            label = self.teaching.label if label == "none" else f"{label}-{self.teaching.label}"
        return f"{self.task}/{self.model}/{label}"

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "valid", "test") if self.test else ("train", "valid")

    @property
    def needed_runs(self) -> tuple[str, ...]:
        """The runs that must be trained and predicted before this one."""
        if self.teaching is None:
            return ()
        return tuple(run for run in (self.teaching.teacher, self.teaching.matched_to) if run)


def image_block_runs(block: Mapping[str, Any], place: str) -> Iterable[tuple[ImageRun, str | None]]:
    """The runs of one block with the row that each fills: tasks x models x arms, or x teachers x temperatures."""
    arms = block.get("arms") or [{"regularizer": "none"}]
    for position, arm in enumerate(arms, start=1):
        regularizer = image_regularizer_of(arm, f"{place}, arm {position}")
        for task in block["tasks"]:
            for model in block["models"]:
                run = ImageRun(task, model, regularizer, tuple(block["seeds"]), test=block.get("test", False))
                if "distillation" in block:
                    for teaching, row in teachings(block["distillation"], task, place):
                        yield replace(run, teaching=teaching), row
                else:
                    yield replace(run, trajectory=block.get("trajectory")), arm.get("row")


def teachings(declared: Mapping[str, Any], task: str, place: str) -> Iterable[tuple[Teaching, str | None]]:
    """What the students of a distillation learn from, with the row that its teacher's arm names."""
    options = {key: declared[key] for key in TEACHING if key in declared}
    soft = declared["loss"] == "soft"
    ways = [key for key in ("temperatures", "matched_to") if key in declared]
    if len(ways) != (1 if soft else 0):
        wanted = "either 'temperatures' or 'matched_to'" if soft else "neither 'temperatures' nor 'matched_to'"
        raise UserError(f"{place}: distillation with loss '{declared['loss']}' takes {wanted}.")
    matched_to = None
    if "matched_to" in declared:
        reference = image_regularizer_of(declared["matched_to"], f"{place}, matched_to")
        matched_to = f"{task}/{declared['model']}/{reference.label}"
    for position, arm in enumerate(declared["teachers"], start=1):
        regularizer = image_regularizer_of(arm, f"{place}, teacher {position}")
        teacher = f"{task}/{declared['model']}/{regularizer.label}"
        label = f"{declared['model']}-{regularizer.label}"
        for temperature in declared.get("temperatures", [None]):
            known = None if temperature is None else float(temperature)
            yield Teaching(teacher, label, known, matched_to, options), arm.get("row")


def image_regularizer_of(arm: Mapping[str, Any], place: str) -> ImageRegularizer:
    """The regularizer of an arm, checked as those of paper A are."""
    if arm["regularizer"] in REFUSED:
        raise UserError(f"{place}: regularizer is '{arm['regularizer']}', but {REFUSED[arm['regularizer']]}.")
    member = regularizer_of(arm, place)
    scaled = arm["regularizer"] == "label_smoothing" and "smoothing" in arm
    if scaled and member.baseline != "uniform":
        raise UserError(f"{place}: smoothing towards a unigram needs 'strength' instead of 'smoothing'.")
    return ImageRegularizer(member, float(arm["smoothing"]) if scaled else None)


def add_image_run(runs: dict[str, ImageRun], run: ImageRun) -> None:
    """Add a run; one that several blocks declare is one run with all their seeds, two that differ are refused."""
    known = runs.setdefault(run.id, run)
    same = (known.regularizer, known.teaching) == (run.regularizer, run.teaching)
    if not same or (known.trajectory and run.trajectory and known.trajectory != run.trajectory):
        raise UserError(f"two blocks declare the image run '{run.id}' differently: ids keep four significant digits.")
    seeds = tuple(sorted({*known.seeds, *run.seeds}))
    trajectory = known.trajectory or run.trajectory
    runs[run.id] = replace(known, seeds=seeds, test=known.test or run.test, trajectory=trajectory)


def check_teachers(runs: Mapping[str, ImageRun], scale: str) -> None:
    """Every teacher is a run of the scale that is no student's student of itself and has the seeds asked for."""
    for run in runs.values():
        for name in run.needed_runs:
            if name not in runs:
                raise UserError(f"image run '{run.id}' learns from '{name}', which no block trains at scale '{scale}'.")
            if runs[name].teaching:
                raise UserError(f"image run '{run.id}' learns from '{name}', which is a student itself.")
            chosen = run.teaching.options.get("teacher_seed")
            wanted = set(run.seeds) if chosen is None else {chosen}
            missing = sorted(wanted - set(runs[name].seeds))
            if missing:
                allowed = ", ".join(map(str, runs[name].seeds))
                raise UserError(f"image run '{run.id}' needs seed {missing[0]} of '{name}'; allowed: {allowed}.")

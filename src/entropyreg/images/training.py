"""Train the networks of one configuration, several seeds at a time: locked, resumable, ended by `model.pt`.

    for every epoch:  order and draws of the epoch, random numbers of each seed's own
        for every batch:  images = view(order, draws),    loss = factor * mean of objective(network(images), labels)
                          backward, decay, clip, step, average

The loss is the sum of those of the seeds, so none sees another. Batches are whole: images left over at the end of an
epoch take their chance in the next one's order.

Outputs in the run's folder: `model.pt`, `training.json` (deterministic), `training.provenance.json`, and
`predictions/seed<seed>/trajectory.npz` if asked for. `settings.schema.yaml` describes the settings.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from entropyreg.images.batches import Batch, batches
from entropyreg.images.checkpoints import resume, save_checkpoint
from entropyreg.images.data.preparation import Prepared, load_prepared
from entropyreg.images.engines import Accelerated, Plain, engine_for
from entropyreg.images.evaluation import accuracy_and_nll, logits_of
from entropyreg.images.models.groups import Group
from entropyreg.images.objective import distilled, hard_objective
from entropyreg.images.optimisation import Average, Optimiser
from entropyreg.images.provenance import code_in_use, provenance
from entropyreg.images.runs import new_group, view_of
from entropyreg.images.settings import check_settings
from entropyreg.images.streams import Streams
from entropyreg.images.teachers import Teacher
from entropyreg.images.trajectory import Trajectory
from entropyreg.io.devices import check_device, is_launched, one_device
from entropyreg.io.errors import UserError, tell_of_memory
from entropyreg.io.files import write_json, write_tensors
from entropyreg.io.run_folder import recorded_threads, run_lock, set_other_recipes_aside, weights_digest

SPLITS = ("train", "valid")
NOT_RECIPE = ("run", "checkpoint_seconds", "prediction")


def train_image_run(
    settings: Mapping[str, Any],
    data: Path,
    run_dir: Path,
    threads: int,
    teacher_dir: Path | None = None,
    data_dir: str | None = None,
) -> None:
    """Train, or resume, what `settings` describe, on the prepared images in `data`.

    teacher_dir: the finished run that `settings["distillation"]` learns from.    data_dir: for stored images alone.
    Raises `UserError` for wrong settings, a missing device, a folder in use, and a loss that is not finite.
    """
    check_settings(settings)
    if (settings.get("distillation") is None) != (teacher_dir is None):
        raise UserError(f"run '{settings['run']}': the key distillation and a teacher's folder need each other.")
    run_dir = Path(run_dir)
    with nullcontext() if is_launched() else one_device(settings["device"]):
        torch.set_num_threads(threads)
        check_device(settings["device"])
        engine = engine_for(settings["device"], settings.get("precision", "float32"))
        with run_lock(run_dir) if engine.rank == 0 else nullcontext():
            training = None
            try:
                prepared = load_prepared(data)
                training = Training(settings, prepared, run_dir, engine, threads, teacher_dir, data_dir)
                training.run()
            except (MemoryError, RuntimeError, OSError) as error:
                tell_of_memory(error, settings["run"], training.reached if training else 0)
                raise
            engine.wait()


class Training:
    """One training: everything that the loop needs, made from the settings."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        prepared: Prepared,
        run_dir: Path,
        engine: Plain | Accelerated,
        threads: int = 1,
        teacher_dir: Path | None = None,
        data_dir: str | None = None,
    ) -> None:
        self.settings, self.prepared, self.run_dir = settings, prepared, run_dir
        self.engine, self.threads = engine, threads
        self.seeds, self.checkpoints = settings["seeds"], run_dir / "checkpoints"
        self.views = {split: view_of(settings, prepared, split, engine.device, threads, data_dir) for split in SPLITS}
        self.labels = {split: torch.from_numpy(prepared.parts[split].labels).to(engine.device) for split in SPLITS}
        self.n_classes = len(prepared.summary["classes"])
        self.n_updates, self.updates_per_epoch = length_of(settings, len(self.views["train"]))
        if settings["batch"] < engine.processes:
            raise UserError(
                f"batch is {settings['batch']}; allowed: at least 1 image for each of {engine.processes} processes."
            )
        self.streams = Streams(self.seeds, engine.device, engine.rank)
        torch.manual_seed(self.seeds[0])  # for layers of other libraries; ours draw from the streams
        self.group = new_group(settings, self.views["train"].shape, self.n_classes, self.streams).to(engine.device)
        self.optimiser = Optimiser(self.group, settings["optimiser"], self.n_updates)
        decay = settings["optimiser"].get("average")
        self.average = Average(self.group, decay) if decay else None
        counts = torch.bincount(self.labels["train"], minlength=self.n_classes)
        self.objective = hard_objective(settings["regularizer"], counts)
        self.teacher_dir = Path(teacher_dir) if teacher_dir else None
        self.teacher = self.new_teacher() if settings.get("distillation") else None
        self.trajectory = None
        if settings.get("trajectory"):
            labels = self.labels["train"].cpu()
            self.trajectory = Trajectory(settings["trajectory"], self.views["train"], labels, self.seeds)
        self.history: list[dict[str, Any]] = []
        self.reached = 0  # updates, for what is said when memory runs out

    def run(self) -> None:
        """Train from the last checkpoint to the end, and write the outcome."""
        started = saved = time.monotonic()
        first = self.begin()
        network, self.optimiser.sgd = self.engine.prepare(self.group, self.optimiser.sgd)
        self.reached = update = min(first * self.updates_per_epoch, self.n_updates)
        epoch = first
        while update < self.n_updates:
            last_of_epoch = min(update + self.updates_per_epoch, self.n_updates)
            losses = torch.zeros(len(self.seeds), device=self.engine.device)
            begun = update
            for batch in self.batches(last_of_epoch - update):
                losses += self.train_on(network, batch, update)
                self.reached = update = update + 1
                if self.trajectory and self.trajectory.is_due(update) and self.engine.rank == 0:
                    self.trajectory.record(self.trained, update, self.checkpoints)
            epoch += 1
            losses = self.engine.mean(losses)
            self.check_finite(losses, begun, update)
            if epoch % self.settings.get("validate_every", 1) == 0 or update == self.n_updates:
                self.validate(epoch, update, losses / (update - begun))
            late = time.monotonic() - saved >= self.settings.get("checkpoint_seconds", 60)
            if (late or update == self.n_updates) and self.engine.rank == 0:
                optimiser = self.optimiser.sgd
                save_checkpoint(
                    self.checkpoints, epoch, self.group, optimiser, self.average, self.streams, self.history
                )
                saved = time.monotonic()
        if self.engine.rank == 0:
            self.write_outcome(time.monotonic() - started, first)

    def begin(self) -> int:
        """Put the checkpoints of other recipes aside, load ours if there is one, and return its epochs."""
        if self.engine.rank == 0:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            set_other_recipes_aside(self.recipe(), self.checkpoints)
        self.engine.wait()
        self.take_threads(recorded_threads(self.checkpoints))
        done, self.history = resume(self.checkpoints, *self.state())
        return done

    def take_threads(self, threads: int) -> None:
        """Compute with the threads that the checkpoint was made with, for their number decides the last bits."""
        if threads == self.threads:
            return
        self.threads = threads
        torch.set_num_threads(threads)
        if self.teacher:  # it may have answered already
            self.teacher = self.new_teacher()

    def new_teacher(self) -> Teacher:
        arguments = self.settings["distillation"], self.teacher_dir, self.seeds, self.prepared, self.views["train"]
        return Teacher(*arguments, self.engine.device)

    def state(self) -> tuple[Group, Any, Average | None, Streams]:
        """What a checkpoint holds."""
        return self.group, self.optimiser.sgd, self.average, self.streams

    def recipe(self) -> dict[str, Any]:
        """All that the bits of a training depend on."""
        return {
            "settings": {key: value for key, value in self.settings.items() if key not in NOT_RECIPE},
            "data": self.prepared.summary["sha256"],
            "teacher": self.teacher.weights_sha256 if self.teacher else None,
            "code": code_in_use(self.settings, self.engine.device.type),
            "threads": self.threads,
            "processes": self.engine.processes,
        }

    def batches(self, count: int) -> Iterator[Batch]:
        """The first `count` batches of a new epoch, or this process's share of them."""
        share, size = (self.engine.rank, self.engine.processes), self.settings["batch"]
        return batches(self.views["train"], self.labels["train"], self.streams, size, count, *share)

    def train_on(self, network: torch.nn.Module, batch: Batch, update: int) -> Tensor:
        """One update; returns the losses (S,) of this process's share before it, without factor and decay."""
        network.train()
        with self.engine.autocast():
            logits = network(batch.images, self.streams["dropout"])  # S times (B, K)
        share = self.engine.processes * len(logits[0]) / self.settings["batch"]  # 1, but for shares of unequal size
        taught = self.teacher(batch.index, batch.images) if self.teacher else [None] * len(self.seeds)
        of_seeds = zip(logits, batch.labels, taught, strict=True)
        losses = share * torch.stack([self.loss_of(*of_seed) for of_seed in of_seeds])  # (S,)
        self.optimiser.sgd.zero_grad()
        self.engine.backward(self.settings["optimiser"].get("loss_factor", 1.0) * losses.sum())
        self.optimiser.step(update)
        if self.average:
            self.average.update(self.group, update + 1)
        return losses.detach()

    def loss_of(self, logits: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        """The mean loss of one seed's batch: logits (B, K), labels (B,), its teacher's logits (B, K) if it has one."""
        losses = self.objective(logits, labels)
        if taught is not None:
            losses = distilled(losses, logits, taught, self.settings["distillation"])
        return losses.mean()

    @property
    def trained(self) -> Group:
        """What is evaluated and kept: the averaged weights if there are any."""
        return self.average.group if self.average else self.group

    def check_finite(self, losses: Tensor, begun: int, update: int) -> None:
        wrong = [seed for seed, loss in zip(self.seeds, losses.tolist(), strict=True) if not abs(loss) < float("inf")]
        if wrong:
            raise UserError(
                f"run '{self.settings['run']}', seed {wrong[0]}, diverged after update {begun} and before update "
                f"{update}: the loss is not finite; lower optimiser.lr or the strength."
            )

    def validate(self, epoch: int, update: int, losses: Tensor) -> None:
        """Add an entry to the history: one value a seed."""
        logits = logits_of(self.trained, self.views["valid"])
        accuracy, nll = accuracy_and_nll(logits, self.labels["valid"].cpu())
        entry = {"epoch": epoch, "update": update, "train_loss": losses.tolist()}
        self.history.append({**entry, "valid_accuracy": accuracy, "valid_nll": nll})

    def write_outcome(self, seconds: float, first: int) -> None:
        states = {f"seed{seed}": plain(state) for seed, state in zip(self.seeds, self.trained.states(), strict=True)}
        write_tensors(self.run_dir / "model.pt", states)
        if self.trajectory:
            self.trajectory.export(self.checkpoints, self.run_dir / "predictions")
        flat = {f"{name}.{key}": torch.atleast_1d(value) for name in states for key, value in states[name].items()}
        trained_images = (self.n_updates - first * self.updates_per_epoch) * self.settings["batch"] * len(self.seeds)
        details = {"resumed_from_epoch": first, "images_per_second": round(trained_images / seconds, 1)}
        write_json(self.run_dir / "training.provenance.json", provenance(self.engine, seconds, self.threads) | details)
        outcome = {
            "settings": {key: value for key, value in self.settings.items() if key not in ("checkpoint_seconds",)},
            "shape": list(self.views["train"].shape),
            "n_classes": self.n_classes,
            "updates": self.n_updates,
            "weights_sha256": weights_digest(flat),
            "validations": self.history,
        }
        write_json(self.run_dir / "training.json", outcome)


def plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state on the CPU, every tensor in the usual order of its axes."""
    return {name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}


def length_of(settings: Mapping[str, Any], n_images: int) -> tuple[int, int]:
    """Updates in all, and in an epoch of whole batches."""
    per_epoch = n_images // settings["batch"]
    if per_epoch == 0:
        raise UserError(f"batch is {settings['batch']}; allowed: at most the {n_images} training images.")
    return settings.get("updates") or settings["epochs"] * per_epoch, per_epoch

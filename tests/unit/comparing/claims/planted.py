"""A scale with planted truths: tables, records and statistics of every run that the claims read.

In the world of sign 1 every claim is true, in that of sign -1 its opposite is.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from blocked import blocked, blocked_images
from made_records import save_record

from entropyreg.comparing.claims.digest import digest_in_force
from entropyreg.measuring.blocks import FILE, of_split

SEEDS = (1, 2, 3, 4)
N_SENTENCES, N_IMAGES, LEAST_TOKENS = 80, 1000, 900
TRANSLATION, SUMMARIZATION = "pairs", "summaries"
IMAGES = ("mnist", "fashion_mnist", "cifar10", "cifar100")
SCALED = 0.1  # how much too sure a network still is after temperature scaling
TEMPERATURES = (0.5, 0.8, 1.0, 1.25, 2.0)
NAMES = ("b_table_accuracy", "b_table_calibration", "b_figure_projection")
ROW_KEYS = ("row", "run", "model", "seed", "reason", "skew", "strength", "smoothing", "baseline", "generator", "kind")
ROW_KEYS += ("wanted_entropy", "trial", "predicted_entropy", "measures", "teacher", "selected")


def by_splits(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    return {split: of_split(arrays, split) for split in dict.fromkeys(name.partition(".")[0] for name in arrays)}


class World:
    """Collects rows and arrays, then writes them as the stages would."""

    def __init__(self, folder: Path, sign: int, claims: Path) -> None:
        self.folder, self.sign, self.claims_sha256 = folder, sign, digest_in_force(claims)
        self.generator = np.random.default_rng(7)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.noise = self.generator.normal(0, 0.03, N_SENTENCES)  # of sentences, which all arms share
        self.uniform = self.generator.permutation((np.arange(N_IMAGES) + 0.5) / N_IMAGES)

    def jitter(self, scale: float = 0.001) -> float:
        """The deviation of a seed."""
        return float(self.generator.normal(0, scale))

    def add(self, artefacts: Sequence[str], task: str, **keys: Any) -> None:
        """A finished row in each artefact."""
        row = dict.fromkeys(ROW_KEYS) | {"task": task, "column": task, "status": "done"} | keys
        for artefact in artefacts:
            self.rows.setdefault(artefact, []).append(row)

    def save(self, run: str, arrays: Mapping[str, Mapping[str, np.ndarray]], seeds: Sequence[int] = ()) -> None:
        """A record and its blocks; `arrays` by split and name."""
        folder = self.folder / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        named = {f"{split}.{name}": one for split, own in arrays.items() for name, one in own.items()}
        np.savez(folder / FILE, **named)
        about = {"run": run, "seeds": list(seeds), "regularizer": {}, "claims_sha256": self.claims_sha256}
        save_record(folder, about)
        made = {"made": "2026-11-30T12:00:00+00:00"}
        (folder / "provenance.json").write_text(json.dumps(made), encoding="utf-8")

    def bleu(self, share: float) -> np.ndarray:
        """Statistics (n, 10) of sentences of which a share of every n-gram matches, so that BLEU is near 100 share."""
        total = np.array([20.0, 19.0, 18.0, 17.0])
        correct = (share + self.noise)[:, None] * total
        lengths = np.full((N_SENTENCES, 2), 20.0)
        return np.concatenate([lengths, correct, np.broadcast_to(total, correct.shape)], axis=1)

    def text(
        self, artefacts: Sequence[str], row: str, share: float, entropy: float = 0.4, rank: float = 5.0, **keys: Any
    ) -> None:
        """One run of a text task: a seed of a row."""
        task = keys.pop("task", TRANSLATION)
        run = keys.pop("run", f"{task}/model/{row}/seed{keys['seed']}")
        tokens = np.full(N_SENTENCES, 20)
        arrays = {
            "test.bleu": self.bleu(share), "test.rouge_l": 100 * (share + self.noise), "test.n_tokens": tokens,
            "test.entropy_sum": (entropy + self.noise / 30) * np.log(1000) * tokens, "test.rank_sum": rank * tokens,
            "test.nll_sum": (3 - 2 * share + self.noise) * tokens,
        }  # fmt: skip
        arrays |= keys.pop("arrays", {})
        measures = {"bleu": 100 * share, "entropy_normalized": entropy, "vocabulary_size": 1000}
        measures |= {"confidence": 0.75, "accuracy": 0.5}
        both = {split: measures | keys.get("measures", {}).get(split, {}) for split in ("valid", "test")}
        by_split = {split: blocked(own) for split, own in by_splits(arrays).items()}
        self.save(run, by_split)
        self.add(artefacts, task, model="model", **{**keys, "row": row, "run": run, "measures": both})

    def image(
        self,
        artefacts: Sequence[str],
        task: str,
        row: str,
        run: str,
        accuracy: float,
        *,
        excess: float = 0.0,
        **keys: Any,
    ) -> None:
        """One image run with all its seeds; `excess` is the network's over-confidence."""
        own = keys.pop("own", lambda: {})
        shifts = np.array([[self.jitter(0.001)] for _ in SEEDS])
        correct = self.uniform < accuracy + shifts
        level = np.full(correct.shape, accuracy)
        arrays = {"correct": correct, "confidence": np.clip(level + excess, 0, 1), "scaled_confidence": level + SCALED}
        bins = blocked_images(arrays)
        run = f"{task}/{run}"
        self.save(run, {"valid": bins, "test": bins}, SEEDS)
        values = {"n_images": N_IMAGES, "accuracy": accuracy, "error": 1 - accuracy, "confidence": accuracy + excess}
        for seed in SEEDS:
            measures = {"scores": dict.fromkeys(("train", "valid", "test"), values), **own()}
            self.add(
                artefacts,
                task,
                **{"model": "network", **keys, "row": row, "run": run, "seed": seed, "measures": measures},
            )

    def write(self) -> None:
        """The collected tables."""
        (self.folder / "tables").mkdir(parents=True)
        for artefact, rows in self.rows.items():
            content = {"artefact": artefact, "rows": rows}
            (self.folder / "tables" / f"{artefact}.json").write_text(json.dumps(content), encoding="utf-8")


def write_claims(source: Path, folder: Path, replicates: int = 400) -> Path:
    """The declared claims with fewer replicates and tokens, and the roles of the planted data sets beside them."""
    declared = yaml.safe_load(source.read_text(encoding="utf-8"))
    declared["rules"]["tests"]["interval"]["replicates"] = replicates
    for claim in declared["claims"]:
        if "tokens" in (claim["minimum"] or {}):
            claim["minimum"]["tokens"] = LEAST_TOKENS
    roles = {"translation": [{"task": TRANSLATION}], "summarization": [{"task": SUMMARIZATION}]}
    roles |= {task: [{"task": task}] for task in IMAGES}
    scales = {"planted": {"stand_ins": False, "roles": roles}}
    folder.mkdir(parents=True)
    (folder / "roles.yaml").write_text(json.dumps({"scales": scales}), encoding="utf-8")
    (folder / "claims.yaml").write_text(json.dumps(declared), encoding="utf-8")
    return folder / "claims.yaml"


def plant_paper_a(world: World) -> None:
    """Tables of translation and summarisation, the sweep, and the matched pairs."""
    true = world.sign > 0
    rows = ("none", "label_smoothing_0.1", "label_smoothing_tuned", "confidence_penalty", "ger")
    shares = (0.30, 0.31, 0.33, 0.33, 0.335) if true else (0.33, 0.335, 0.31, 0.29, 0.28)
    for task, artefact in ((TRANSLATION, "a_table_translation"), (SUMMARIZATION, "a_table_summarization")):
        for row, share in zip(rows, shares, strict=True):
            for seed in SEEDS:
                world.text([artefact], row, share + world.jitter(), seed=seed, task=task)
    sweep = ("a_figure_entropy_bleu", "a_figure_equilibrium", "a_figure_reference_rank")
    levels = (0.15, 0.3, 0.45, 0.6, 0.75)
    for number, skew in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        for strength, wanted in enumerate(levels, start=1):
            if true:
                entropy, share = wanted, 0.3 + 0.1 * wanted - 0.1 * (wanted - 0.4) ** 2
            else:  # entropy falls with strength, not as predicted, and BLEU goes with the skew
                entropy = 0.5 + 0.08 * number - (0.01 + 0.01 * number) * strength
                share = (0.3, 0.4, 0.25, 0.35, 0.28)[number]
            for seed in SEEDS[:3]:
                world.text(
                    sweep, "sweep", share + world.jitter(), entropy + world.jitter(), 5 + 10 * wanted, seed=seed,
                    skew=skew, strength=float(strength), wanted_entropy=wanted, predicted_entropy=wanted,
                    run=f"{TRANSLATION}/model/skew{skew}-strength{strength}/seed{seed}",
                )  # fmt: skip
    shared = {**world.rows[sweep[1]][-1], "row": "confidence_penalty"}  # a run of the design that anchors a match
    world.rows[sweep[1]].append({**shared, "trial": {"series": "match0", "number": 0, "kind": "anchor"}})
    plant_searches(world)
    names = ("e-10", "e-15", "floor_x1", "floor_x0.1", "floor_x0.01")
    for pair in range(3):
        for kind, skew, share in (("anchor", 1.0, 0.01), ("match", 0.0, 0.1 if true else 0.001)):
            found = {}
            for name in names:
                found[f"share_below_{name}"] = share + world.jitter(1e-4)
                found[f"share_below_{name}_standard_error"] = 1e-4
            world.text(
                ["a_table_sparsity"], kind, 0.3, 0.3 + 0.1 * pair, seed=1, skew=skew, strength=1.0, baseline="uniform",
                generator="entropy", trial={"series": f"match{pair}", "number": 0, "kind": kind},
                measures={"test": found}, run=f"{TRANSLATION}/model/{kind}{pair}/seed1",
            )  # fmt: skip


def plant_searches(world: World) -> None:
    """A12: searches at fixed skews choose skew .5 on one task and 1 on the other; on test that is right, or wrong."""
    for task, best in ((TRANSLATION, 0.5), (SUMMARIZATION, 1.0)):
        for skew in (0.0, 0.5, 1.0):
            series = f"{task}_skew{skew}"
            for number in (1, 2):
                share = 0.3 + 0.01 * number + (0.05 if skew == best else 0.0)
                valid = {"valid.bleu": world.bleu(share), "valid.rouge_l": 100 * (share + world.noise)}
                world.text(
                    ["a_figure_search"], "ger", share, seed=100, task=task, skew=skew, strength=float(number),
                    arrays=valid, trial={"series": series, "number": number, "kind": "random"},
                    run=f"{task}/model/{series}-trial{number}/seed100",
                )  # fmt: skip
            gain = 0.02 * world.sign if skew == best else 0.0
            for seed in SEEDS:
                world.text(
                    ["a_figure_equilibrium"], "ger", 0.33 + gain + world.jitter(), seed=seed, task=task, skew=skew,
                    strength=2.0, run=f"{task}/model/{series}-winner/seed{seed}",
                )  # fmt: skip


def plant_networks(world: World) -> None:
    """Hard and smoothed networks on every set of images."""
    true = world.sign > 0
    for position, task in enumerate(IMAGES):
        excess = SCALED + 0.02 * (position + 1)  # over-confidence of the hard network, and what smoothing gains (C4)
        after = SCALED if true else 1.5 * excess

        def own(hard: bool) -> dict[str, Any]:
            low, high = (0.5, 1.0) if true else (1.0, 0.5)
            ratio = (high if hard else low) + world.jitter(0.01)
            correlation = (0.97 if true else 0.8) + world.jitter(0.01)
            values = {"scatter_ratio": ratio, "distance_variation": ratio, "logit_distance_correlation": correlation}
            ends = {f"{name}_{end}": value + way * 0.01 for name, value in values.items()
                    for end, way in (("low", -1), ("high", 1))}  # fmt: skip
            temperature = (1.6 if true else 0.6) + world.jitter(0.02)
            return {
                "clusters": {split: values | ends for split in ("train", "valid")},
                "temperature": {"ece_all": {"temperature": temperature}},
            }

        shown = {"hard": (0.8, excess), "smoothed": (0.81 if true else 0.7, after)}
        for row, (accuracy, too_sure) in shown.items():
            smoothing = 0.1 if row == "smoothed" else 0.0
            world.image(
                NAMES, task, row, row, accuracy, excess=too_sure, smoothing=smoothing,
                own=lambda hard=row == "hard", own=own: own(hard),
            )  # fmt: skip


def plant_distillation(world: World) -> None:
    """MNIST's two by two, the curves, the grid, and teachers whose information is known."""
    true, way = world.sign > 0, 0.05 * world.sign
    for who, sign in (("teacher_", 1), ("student_of_", -1)):
        for kind in ("hard", "hard_dropout", "smoothed", "smoothed_dropout"):
            accuracy = 0.8 + (sign * way if kind.startswith("smoothed") else 0.0)
            world.image(["b_table_distillation_mnist"], "mnist", f"{who}{kind}", f"{who}{kind}", accuracy)
    curves, grid = "b_figure_distillation", "b_figure_distillation_grid"
    for smoothing in (0.0, 0.15, 0.45, 0.6):
        accuracy = 0.7 + world.sign * 0.2 * smoothing
        world.image([curves], "cifar10", "teacher", f"teacher{smoothing}", accuracy, smoothing=smoothing)
        world.image([curves], "cifar10", "student", f"student{smoothing}", 0.6 if true else 0.47, smoothing=smoothing)
    hard = {1.0: (0.55, 0.6), 2.0: (0.7, 0.35), 4.0: (0.68, 0.3)}
    soft = {(0.1, 1.0): (0.56, 0.5), (0.1, 2.0): (0.5, 0.65), (0.1, 4.0): (0.45, 0.65), (0.3, 1.0): (0.55, 0.55),
            (0.3, 2.0): (0.5, 0.6), (0.3, 4.0): (0.5, 0.6)}  # fmt: skip
    points = {(0.0, temperature): pair for temperature, pair in hard.items()} | soft
    for (smoothing, temperature), pair in points.items():
        shown = [grid]
        if smoothing == 0 or temperature == 1:
            shown.append(curves)
        teacher = {
            "run": f"teacher{smoothing}", "kind": "label_smoothing" if smoothing else "none", "smoothing": smoothing,
            "temperature": temperature, "matched_to": None, "loss": "soft",
            "equivalent_smoothing": smoothing or {1.0: 0.05, 2.0: 0.2, 4.0: 0.4}[temperature],
        }  # fmt: skip
        for artefact in shown:
            row = "student" if artefact == grid else "from_smoothed" if smoothing else "from_hard"
            world.image(
                [artefact], "cifar10", row, f"from{smoothing}-{temperature}", pair[0 if true else 1], teacher=teacher
            )
    for number in range(10):
        information = 0.5 + 0.1 * number
        accuracy = 0.6 + 0.02 * (number if true else -number)
        smoothing = {0: 0.1, 1: 0.0}.get(number, 0.2)

        def own(information: float = information, low: bool = (number == 0) == true) -> dict[str, Any]:
            value = (0.1 if low else 0.5) + world.jitter(0.01)
            lost = {"confidence_variance": value, "similarity_correlation": value}
            lost |= {"similarity_correlation_low": value - 0.01, "similarity_correlation_high": value + 0.01}
            found = {"information_loss": lost, "calibration": {"test": {"ece": 0.05}}}
            return found | {"mutual_information": curves_of(world, [information] * 6)}

        name = {1: "teacher_hard"}.get(number, f"teacher_{number}")
        world.image(["b_table_teachers"], "cifar10", name, f"of-entropy{number}", 0.8, smoothing=smoothing, own=own)
        teacher = {"run": f"cifar10/of-entropy{number}", "loss": "logits", "smoothing": smoothing, "matched_to": None,
                   "kind": "none", "temperature": None}  # fmt: skip
        world.image(["b_table_teachers"], "cifar10", f"student_{number}", f"student-of{number}", accuracy,
                    teacher=teacher, own=own)  # fmt: skip


def curves_of(world: World, values: Sequence[float], halves: Any = None) -> dict[str, Any]:
    """The mutual information of one seed at six moments."""
    noisy = [value + world.jitter() for value in values]
    curve = {"draws": 5, "variance": "shared", "sample": "fresh", "values": noisy, "final": noisy[-1]}
    if halves is not None:
        curve["halves"] = [{"values": half} for half in halves]
    return {"updates": [100 * (one + 1) for one in range(len(values))], "curves": [curve]}


def plant_training(world: World) -> None:
    """Information and accuracy in the course of training."""
    true = world.sign > 0
    falling = ([0.1, 1.2, 1.0, 0.9, 0.8, 0.8],) * 2
    crossed = ([0.1, 1.0, 0.6, 0.5, 0.5, 0.5], [0.6, 0.1, 0.4, 0.4, 0.4, 0.4])  # each peaks where the other is low
    for task in ("mnist", "cifar10"):
        for row, smoothing, end in (("hard", 0.0, 1.0), ("smoothed", 0.1, 0.8 if true else 1.2)):
            early = (row == "smoothed") == true
            rise = [0.5, 0.95, 0.95, 0.95, 0.95, 0.9] if early else [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

            def own(end: float = end, rise: Sequence[float] = rise) -> dict[str, Any]:
                followed = curves_of(world, [0.1, 1.5, 1.3, 1.2, 1.1, end], falling if true else crossed)
                return {
                    "mutual_information": followed,
                    "learning": {"updates": followed["updates"], "valid_accuracy": rise},
                }

            world.image(
                ["b_figure_mutual_information"], task, row, f"followed-{row}", 0.8, smoothing=smoothing, own=own
            )


def plant_temperatures(world: World) -> None:
    """Translation at several temperatures, all measured on both splits."""
    true, n_temperatures = world.sign > 0, len(TEMPERATURES)
    shares = {  # BLEU by temperature
        ("hard", True): (0.30, 0.30, 0.30, 0.32, 0.30), ("smoothed", True): (0.33, 0.33, 0.35, 0.33, 0.33),
        ("hard", False): (0.33, 0.36, 0.35, 0.30, 0.30), ("smoothed", False): (0.33, 0.28, 0.26, 0.33, 0.33),
    }  # fmt: skip
    for row in ("hard", "smoothed"):
        worse = (row == "hard") == true
        nll = 3.0 - (0.2 if worse else 0.0)  # B6 and B9: the hard model has the better NLL where the claims are true
        for seed in SEEDS:
            shift, fitted = world.jitter(), 3 if true else 1
            bleu = np.stack([world.bleu(share + shift) for share in shares[row, true]], axis=1)
            excess = np.full(n_temperatures, 0.2)
            excess[2] = {("hard", True): 0.15, ("smoothed", True): 0.01, ("hard", False): 0.02}.get((row, true), 0.2)
            bins = np.stack([token_bins(world, 0.6, one) for one in excess], axis=1)
            fitted_bins = token_bins(world, 0.6, 0.01)
            own, gold = (0.3, 0.1) if true else (0.1, 0.3)
            arrays = {
                "temperatures": np.array(TEMPERATURES),
                "temperature_bleu": bleu, "temperature_fitted_bleu": bleu[:, [fitted, 0]],
                "temperature_reliability": bins, "temperature_fitted_reliability": np.stack([fitted_bins] * 2, axis=1),
                "temperature_nll": np.full((N_SENTENCES, n_temperatures), 20 * (nll + shift)),
                "temperature_tokens": np.full(N_SENTENCES, 20), "own_reliability": token_bins(world, 0.6, own),
                "gold_reliability": token_bins(world, 0.6, gold), "nll_sum": np.full(N_SENTENCES, 20 * (nll + shift)),
            }  # fmt: skip
            # B4 and B23: best BLEU of the hard model is at 1.25 (true) or .8, where ECE (true) or NLL is least
            near, far = TEMPERATURES[fitted] + world.jitter(), 0.4 + world.jitter()
            at = (near, far) if true else (far, near)
            fits = {f"{name}_all": {"temperature": one} for name, one in zip(("ece", "nll"), at, strict=True)}
            measures = {"temperatures": list(TEMPERATURES), "n_tokens": 20 * N_SENTENCES, "fits": fits}
            world.text(
                ["b_figure_temperature", "b_table_family_calibration", "b_table_perplexity"], row,
                (0.35 if true else 0.26) + shift if row == "smoothed" else 0.3 + shift, seed=seed,
                smoothing=0.1 if row == "smoothed" else None,
                arrays={f"{split}.{name}": values for split in ("valid", "test") for name, values in arrays.items()},
                measures={split: {"temperatures": measures} for split in ("valid", "test")},
            )  # fmt: skip


def token_bins(world: World, accuracy: float, excess: float) -> np.ndarray:
    """Sums (n, 45) of sentences of 20 tokens that are right in a share of cases, at a confidence that exceeds it."""
    sums, confidence = np.zeros((N_SENTENCES, 45)), accuracy + excess
    column = min(int(confidence * 15), 14)
    sums[:, column], sums[:, 15 + column] = 20, 20 * confidence
    sums[:, 30 + column] = 20 * (accuracy + world.noise / 10 + world.jitter())
    return sums


def planted(folder: Path, claims: Path, sign: int) -> World:
    """Write the whole planted scale."""
    world = World(folder, sign, claims)
    for plant in (plant_paper_a, plant_networks, plant_distillation, plant_training, plant_temperatures):
        plant(world)
    world.write()
    return world

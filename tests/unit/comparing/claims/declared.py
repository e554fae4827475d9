"""Records of all declared runs of a scale with made-up values, in the form that measuring gives them to the claims.

Rows of tables are made by the collecting code itself, so what is not declared, not decoded on test, not measured or
hidden by a selection is missing here as it will be later. The values do not matter, only which records exist.
"""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from blocked import blocked, blocked_images
from made_records import save_record

from entropyreg.comparing import collect, image_collect
from entropyreg.comparing.claims.cases import tests_of
from entropyreg.comparing.claims.declaration import roles_of, tables_read
from entropyreg.comparing.claims.records import Records
from entropyreg.config.image_settings import image_measuring_settings
from entropyreg.config.loading import load_config
from entropyreg.config.settings import collecting_settings, measuring_settings
from entropyreg.experiments import ImageRun, Run, load_experiments
from entropyreg.io.schemas import read_yaml
from entropyreg.measuring.image_records import regularizer_of_training

N_SENTENCES, N_REPLICATES, VOCABULARY = 6, 40, 1000
SHARE = 100  # of the real numbers of tokens and images, and of the least that the claims ask for
SHARES = ("e-10", "e-15", "floor_x1", "floor_x0.1", "floor_x0.01")
LAST_TRIAL = 3  # of a match: the one that reaches the entropy


class Declared(Records):
    """The tables in memory, the arrays made when they are asked for."""

    def __init__(self, workflow_dir: Path, scale: str, folder: Path) -> None:
        super().__init__(folder, folder, N_REPLICATES)
        self.config = load_config(workflow_dir, {"scale": scale})
        self.experiments = load_experiments(workflow_dir, self.config)
        self.corpora = read_yaml(workflow_dir / "config" / "corpora.yaml")
        self.generator_of_values = np.random.default_rng(0)
        for run in self.experiments.runs.values():
            self.write(run.id, self.text_record(run))
        for run in self.experiments.image_runs.values():
            self.write(run.id, self.image_record(run))
        for name in tables_read(read_yaml(workflow_dir / "experiments" / "claims.yaml")):
            self._tables[name] = self.collected(name) if name in self.experiments.artefacts else None

    def write(self, run: str, record: dict[str, Any]) -> None:
        save_record(self.runs_dir / run, {"run": run, **record})

    def collected(self, name: str) -> dict[str, Any]:
        """The rows of a table; comparisons, curves and intervals are left out."""
        settings = collecting_settings(self.config, self.experiments, self.experiments.artefacts[name])
        rows, text = [], settings.get("text", settings)
        if settings.get("images"):
            for cell in settings["cells"]:
                rows += image_collect.collect_cell(settings, cell, self.runs_dir)[0]
            for choice in settings["select"]:
                image_collect.select(rows, choice)
            rows = [image_collect.shown(row, settings["measures"]) for row in rows]
        if not text.get("images"):
            text = {**text, "sentence_intervals": False}
            rows += [collect.collect_cell(text, cell, self.runs_dir) for cell in text["cells"]]
        return {"rows": rows}

    def noise(self, scale: float = 0.01) -> float:
        return float(self.generator_of_values.normal(0, scale))

    # ---- text

    def tokens_of(self, task: str, split: str) -> int:
        """Tokens of a split, a hundredth of them."""
        source = self.config["tasks"][task]["source"]
        known = self.corpora["text"].get(source.get("set"), self.corpora["text"][source["kind"]])
        pairs = known["pairs"][split]
        if split == "test" and source.get("test_sets"):
            pairs = sum(known["test_sets"][name] for name in source["test_sets"])
        return pairs * known["subwords"]["target"] // SHARE

    def regularizer(self, run: Run) -> dict[str, Any]:
        """Skew and strength: of a trial as its series would propose them."""
        declared, proposal = run.regularizer, self.experiments.proposals.get(run.regularizer.proposal)
        skew, strength = declared.skew, declared.strength
        if proposal is not None:
            first = self.experiments.runs[proposal.run_ids[0]].regularizer
            skew = proposal.settings.get("skew", first.skew)
            skew = 0.3 + self.noise() if isinstance(skew, list) else float(skew)
        if strength is None:
            strength = 0.5 + abs(self.noise()) if declared.entropy is None else 2 * declared.entropy
        return {"skew": skew, "strength": strength, "baseline": declared.baseline, "generator": declared.generator}

    def entropy(self, run: Run) -> float:
        """Measured entropies are never equal, but for the last trial of a match and its anchor."""
        declared, proposal = run.regularizer, self.experiments.proposals.get(run.regularizer.proposal)
        if proposal is not None and proposal.settings["kind"] == "match":
            anchor = self.experiments.runs[proposal.settings["anchor"]].regularizer
            return (anchor.entropy or 0.3) + (0.001 if proposal.name.endswith(str(LAST_TRIAL)) else 0.03)
        if declared.entropy is None:
            skew = self.regularizer(run)["skew"]
            return (0.1 if skew is None else 0.95 - 0.15 * skew) + self.noise(0.001)
        return declared.entropy + (0.02 + abs(self.noise()) if declared.skew == 0 else 0.0)

    def text_record(self, run: Run) -> dict[str, Any]:
        settings, entropy = measuring_settings(self.config, run), self.entropy(run)
        measures: dict[str, Any] = {}
        for split in settings["splits"]:
            values = {"bleu": 30 + self.noise(), "rouge_l": 30.0, "nll": 2.0, "accuracy": 0.6, "confidence": 0.7}
            values |= {"entropy_normalized": entropy, "vocabulary_size": VOCABULARY, "log_floor": -7.0}
            for name in SHARES:
                values |= {f"share_below_{name}": 0.1 + self.noise(), f"share_below_{name}_standard_error": 0.01}
            measures[split] = values
        for split in settings["temperature_splits"]:
            tokens = min(self.config["calibration"]["tokens"] // SHARE, self.tokens_of(run.task, split))
            fits = {f"{name}_all": {"temperature": 1.3 + self.noise()} for name in ("ece", "nll")}
            curves = {name: [0.1] * len(settings["temperatures"]) for name in ("ece", "nll")}
            known = {"temperatures": settings["temperatures"], "n_tokens": tokens, "fits": fits, **curves}
            measures[split] = measures[split] | {"temperatures": known}
        regularizer = self.regularizer(run)
        regularizer["smoothing"] = run.regularizer.smoothing
        return {"regularizer": regularizer, "measures": measures}

    def text_arrays(self, run: Run) -> dict[str, np.ndarray]:
        draw, n = self.generator_of_values, N_SENTENCES

        def bleu(*shape: int) -> np.ndarray:  # rising, so that no more n-grams match than there are
            return np.sort(draw.integers(8, 12, (n, *shape, 10)), axis=-1)

        def reliability(*shape: int) -> np.ndarray:  # falling: first the counts, then what cannot exceed them
            return 2 - np.sort(draw.random((n, *shape, 45)), axis=-1)

        found: dict[str, np.ndarray] = {}
        for split in run.splits:
            own = {"bleu": bleu(), "rouge_l": 30 + draw.random(n), "n_tokens": np.full(n, 20)}
            own |= {f"{name}_sum": 20 + draw.random(n) for name in ("nll", "entropy", "rank", "confidence", "correct")}
            if split in run.temperature_splits:
                grid = len(measuring_settings(self.config, run)["temperatures"])
                own |= {"temperatures": np.array(measuring_settings(self.config, run)["temperatures"])}
                own |= {"temperature_bleu": bleu(grid)}
                own |= {"temperature_fitted_bleu": bleu(2)}
                own |= {"temperature_reliability": reliability(grid), "temperature_tokens": np.full(n, 20)}
                own |= {"temperature_fitted_reliability": reliability(2)}
                own |= {"temperature_nll": 40 + draw.random((n, grid))}
                own |= {f"{prefix}_reliability": reliability() for prefix in ("own", "gold")}
            found |= {f"{split}.{name}": values for name, values in blocked(own).items()}
        return found

    # ---- images

    def number_of_images(self, task: str, split: str) -> int:
        """Images of a split, a hundredth of them."""
        known, split_of = (self.config["image_tasks"][task][key] for key in ("dataset", "split"))
        size = self.corpora["images"][known]
        n_train, n_test = split_of["train"] or size["train"], split_of["test"] or size["test"]
        rest = {"valid": split_of["validation"], "test": n_test, "train": n_train - split_of["validation"]}
        return max(rest[split] // SHARE, 2)

    def image_record(self, run: ImageRun) -> dict[str, Any]:
        settings = image_measuring_settings(self.config, self.experiments, run)
        model, n_classes = self.config["image_models"][run.model], 10
        per_epoch = max(self.number_of_images(run.task, "train") * SHARE // model["batch"], 1)
        updates = model.get("updates") or model["epochs"] * per_epoch
        measures = {
            str(seed): self.image_measures(
                run, settings["measures"], updates, per_epoch * model.get("validate_every", 1)
            )
            for seed in run.seeds
        }
        regularizer = regularizer_of_training(run.regularizer.settings, n_classes)
        data = {"classes": [str(one) for one in range(n_classes)]}
        shared = {"seeds": list(run.seeds), "updates": updates, "n_classes": n_classes, "data": data}
        return {**shared, "regularizer": regularizer, "measures": measures}

    def image_measures(self, run: ImageRun, groups: list[str], updates: int, every: int) -> dict[str, Any]:
        scores = {}
        for split in run.splits:
            accuracy, number = 0.8 + self.noise(), self.number_of_images(run.task, split)
            scores[split] = {"accuracy": accuracy, "error": 1 - accuracy, "n_images": number, "confidence": 0.9}
        evaluated = [split for split in ("valid", "test") if split in run.splits]
        names = ("scatter_ratio", "distance_variation", "logit_distance_correlation")
        cluster = {f"{name}{end}": 0.9 + self.noise() for name in names for end in ("", "_low", "_high")}
        lost = {f"similarity_correlation{end}": 0.5 + self.noise() for end in ("", "_low", "_high")}
        known = {
            "calibration": {split: {"ece": 0.05 + self.noise(0.001)} for split in evaluated},
            "temperature": {"ece_all": {"temperature": 1.5 + self.noise()}},
            "clusters": dict.fromkeys(("train", "valid"), cluster),
            "information_loss": lost | {"confidence_variance": 0.1 + self.noise()},
            "teaching": {"equivalent_smoothing": 0.1},
        }
        found = {"scores": scores} | {name: values for name, values in known.items() if name in groups}
        if "mutual_information" in groups and run.trajectory:
            values = (1 + self.generator_of_values.normal(0, 0.01, updates // run.trajectory["every"])).tolist()
            curve = {"draws": 5, "variance": "shared", "sample": "fresh", "values": values}
            curve |= {"halves": [{"values": values}] * 2, "final": values[-1]}
            moments = [run.trajectory["every"] * (one + 1) for one in range(len(values))]
            found["mutual_information"] = {"classes": ["0", "1"], "updates": moments, "curves": [curve]}
        validations = math.ceil(updates / every)
        rising = [0.5 + 0.01 * one + self.noise(0.001) for one in range(validations)]
        found["learning"] = {"updates": [every * (one + 1) for one in range(validations)], "valid_accuracy": rising}
        if run.teaching:
            found["teacher"] = {"temperature": run.teaching.temperature, "equivalent_smoothing": 0.1}
            if run.teaching.temperature is not None:
                smoothing = regularizer_of_training(
                    self.experiments.image_runs[run.teaching.teacher].regularizer.settings, 10
                )["smoothing"]
                found["teacher"]["equivalent_smoothing"] = (smoothing or 0) + 0.05 * run.teaching.temperature
        return found

    def image_arrays(self, run: ImageRun) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        groups = image_measuring_settings(self.config, self.experiments, run)["measures"]
        for split in (split for split in ("valid", "test") if split in run.splits):
            draw, shape = self.generator_of_values, (len(run.seeds), self.number_of_images(run.task, split))
            own = {"correct": draw.random(shape) < 0.8, "confidence": draw.random(shape), "nll": draw.random(shape)}
            if "temperature" in groups:
                own["scaled_confidence"] = draw.random(shape)
            found |= {f"{split}.{name}": values for name, values in blocked_images(own).items()}
        return found

    def arrays(self, run: str) -> dict[str, np.ndarray]:
        if run not in self._arrays:
            is_text = run in self.experiments.runs
            made = self.text_arrays(self.experiments.runs[run]) if is_text else None
            self._arrays[run] = made if is_text else self.image_arrays(self.experiments.image_runs[run])
        self.use(run)
        return self._arrays[run]


def outcomes(workflow_dir: Path, scale: str, folder: Path, only: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """By claim (all, or `only` some): what is `decided` as (role, task, model), their `roles`, and `reasons` by
    'role: task', or by a role of which nothing is there.
    """
    records = Declared(workflow_dir, scale, folder)
    roles, _ = roles_of(workflow_dir / "experiments" / "roles.yaml", scale)
    found = {}
    for claim in read_yaml(workflow_dir / "experiments" / "claims.yaml")["claims"]:
        if only and claim["id"] not in only:
            continue
        if claim["direction"] == "proof":
            found[claim["id"]] = {"decided": {"proof"}, "roles": set(), "reasons": {}}
            continue
        if "tokens" in (claim["minimum"] or {}):
            claim["minimum"]["tokens"] //= SHARE
        tests = tests_of(claim, roles, records, 0.05)
        decided = {(test["role"], test["task"], test["model"]) for test in tests if "reason" not in test}
        reasons = {f"{test['role']}: {test['task']}": test["reason"] for test in tests if "reason" in test}
        shown = {test["role"] for test in tests}
        pooled = claim["tasks"]["quantifier"] == "pooled"
        missing = [] if pooled else [role for role in claim["tasks"]["names"] if role not in shown]
        reasons |= {role: "no run that shows it" if roles.get(role) else "no data set" for role in missing}
        found[claim["id"]] = {"decided": decided, "roles": {one[0] for one in decided}, "reasons": reasons}
    return found

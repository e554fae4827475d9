"""Writes a committed reference as `reference save` would, with made-up records: the jobs of every declared run."""

import json
from pathlib import Path

from entropyreg.comparing.claims.declaration import load_claims
from entropyreg.comparing.claims.digest import claims_digest
from entropyreg.config.loading import load_config
from entropyreg.config.stages import declarations_of, plan_of
from entropyreg.experiments import load_experiments
from entropyreg.io.files import sha256_of, write_json
from entropyreg.provenance.committed import FILE
from entropyreg.provenance.origins import CHECKOUT, Origin, origin_path
from entropyreg.reference.folders import Reference

RECORD = ("run.json", "measures.csv", "projection.json", "blocks.npz")
EMBEDDED = "src/entropyreg/data/embedded"


class MadeReference:
    """The reference of a scale in `root`, of the code, settings and data that `root` has now."""

    def __init__(self, root: Path, scale: str = "smoke", processor: str = "of a test") -> None:
        self.root, self.processor = root, processor
        self.config = load_config(root / "workflow", {"scale": scale})
        self.experiments = load_experiments(root / "workflow", self.config)
        self.declarations = declarations_of(self.config, self.experiments)
        self.reference = Reference.of(scale, root)
        claims = claims_digest(load_claims(root / "workflow" / "experiments" / "claims.yaml"))
        self.about = {"claims_sha256": claims, "signatures": {}, "regularizer": {}}
        self.sums: dict[str, str] = {}
        self.made: dict[str, Origin] = {}  # first output: its job

    def planned(self, stage, of):
        return plan_of(self.declarations, stage, of)

    def write(self, runs=None):
        """Write the records of `runs` (by default of all that are declared) and what made them."""
        known = self.experiments
        for run in runs or [*known.runs, *known.image_runs]:
            own = self.text_run(run) if run in known.runs else self.image_run(run)
            folder = self.reference.results / "runs" / run
            write_json(
                folder / "provenance.json", {"commit": "0123456789abcdef", "training": {"finished": "2026-11-29"}}
            )
            write_json(folder / FILE, [one._asdict() for one in own])
        others = [one._asdict() for name, one in self.made.items() if not name.startswith("runs/")]
        write_json(self.reference.results / FILE, others)
        self.reference.write_sums()
        return self

    def job(self, stage, of, inputs, outputs, committed=False):
        """A job and the sums of its outputs; `committed` files are written, others are only thought of."""
        declared, code = self.planned(stage, of)
        for name in outputs:
            path = self.reference.results / name
            if committed:
                content = (
                    json.dumps(self.about | {"run": next(iter(of.values()))}) if name.endswith("run.json") else name
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            self.sums[name] = sha256_of(path) if committed else f"sum of {name}"
        sums = {name: self.sums[name] for name in inputs if name in self.sums}
        sums |= {name: sha256_of(CHECKOUT / name[9:]) for name in inputs if name.startswith("checkout:")}
        made = Origin(stage, of, json.loads(json.dumps(declared)), code, sums, {n: self.sums[n] for n in outputs})
        self.made[outputs[0]] = made._replace(processor=self.processor)
        return self.made[outputs[0]]

    def text_data(self, task):
        text, subwords, binary = (f"data/{task}/{part}" for part in ("text", "text/subwords", "binary"))
        if f"{binary}/binary.json" not in self.made:
            name = self.config["tasks"][task]["source"]["name"]
            files = [f"checkout:{EMBEDDED}/{name}.tsv.xz", f"checkout:{EMBEDDED}/SHA256SUMS"]
            self.job("prepare", {"task": task}, files, [f"{text}/summary.json"])
            self.job("segment", {"task": task}, [f"{text}/summary.json"], [f"{subwords}/summary.json"])
            self.job("binarize", {"task": task}, [f"{subwords}/summary.json"], [f"{binary}/binary.json"])
        return f"{text}/summary.json", f"{binary}/binary.json"

    def proposal(self, name):
        proposal, (series, _, trial) = self.experiments.proposals[name], name.rpartition("/")
        for run in proposal.run_ids:
            if f"runs/{run}/scores.json" not in self.made:
                self.text_run(run)
        scores = [f"runs/{run}/scores.json" for run in proposal.run_ids]
        self.job("propose", {"series": series, "trial": trial}, scores, [f"proposals/{name}.json"])
        return [f"proposals/{name}.json"]

    def text_run(self, name):
        run, of, at = self.experiments.runs[name], {"run": name}, f"runs/{name}"
        text, binary = self.text_data(run.task)
        proposal = self.proposal(run.regularizer.proposal) if run.regularizer.proposal else []
        weights = [f"{at}/model.pt", f"{at}/training.json"]
        jobs = [self.job("train", of, [binary, *proposal], weights)]
        predictions = [f"{at}/predictions/{split}.tokens.npz" for split in run.splits]
        for split, output in zip(run.splits, predictions, strict=True):
            jobs.append(self.job("predict", of | {"split": split}, [*weights, binary], [output]))
        record = [f"{at}/{file}" for file in RECORD]
        jobs.append(self.job("measure", of, [*predictions, weights[1], text], record, committed=True))
        if any(name in proposal.run_ids for proposal in self.experiments.proposals.values()):
            jobs.append(self.job("score", of, [predictions[0], text], [f"{at}/scores.json"], committed=True))
        return jobs

    def image_run(self, name):
        run, of, at = self.experiments.image_runs[name], {"image_run": name}, f"runs/{name}"
        data = [f"data/{run.task}/images/{file}" for file in ("summary.json", "images.npz")]
        if data[0] not in self.made:
            self.job("prepare-images", {"image_task": run.task}, [], data)
        for needed in run.needed_runs:
            if f"runs/{needed}/predictions.json" not in self.made:
                self.image_run(needed)
        teacher = [f"runs/{needed}/{file}" for needed in run.needed_runs for file in ("model.pt", "predictions.json")]
        weights = [f"{at}/model.pt", f"{at}/training.json"]
        jobs = [self.job("train-images", of, [*data, *teacher], weights)]
        jobs.append(self.job("predict-images", of, [*weights, *data], [f"{at}/predictions.json"]))
        read = [f"{at}/predictions.json", weights[1], *data, *(one for one in teacher if one.endswith("json"))]
        jobs.append(self.job("measure-images", of, read, [f"{at}/{file}" for file in RECORD], committed=True))
        return jobs

    def prepare(self, results: Path) -> list[str]:
        """Write prepared data into results, as this code made them; their names."""
        found = [name for name in self.made if name.startswith("data/")]
        for first in found:
            origin = self.made[first]
            for name in origin.outputs:
                (results / name).parent.mkdir(parents=True, exist_ok=True)
                (results / name).write_text(f"of {name}")
                self.sums[name] = sha256_of(results / name)
            here = {name: self.sums.get(name, sum) for name, sum in origin.inputs.items()}
            self.made[first] = origin._replace(inputs=here, outputs={name: self.sums[name] for name in origin.outputs})
            write_json(origin_path(str(results / first)), self.made[first]._asdict())
        return found

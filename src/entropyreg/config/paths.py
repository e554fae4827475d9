"""Builds the path of every file; no other module spells one. Arguments may be Snakemake wildcards such as '{task}'."""

from dataclasses import dataclass

from entropyreg.provenance.run_folders import ADOPTED

SCALES = ("smoke", "demo", "workstation", "paper")


@dataclass(frozen=True)
class Paths:
    """Paths of one scale: `results` is <results_dir>/<scale>, `figures` is <figures_dir>/<scale>."""

    results: str
    figures: str

    @classmethod
    def of(cls, config: dict) -> "Paths":
        return cls(f"{config['results_dir']}/{config['scale']}", f"{config['figures_dir']}/{config['scale']}")

    def source(self, name: str) -> str:
        """A downloaded file, as a link to where it lies in download_dir; `name` is '<folder>/<file>'."""
        return f"{self.results}/sources/{name}"

    def text_dir(self, task: str) -> str:
        """Prepared text: {train,valid,test}.{language}, {valid,test}.{reference,origin}, summary.json."""
        return f"{self.results}/data/{task}/text"

    def subwords_dir(self, task: str) -> str:
        """The same text in subwords, and the learnt codes."""
        return f"{self.text_dir(task)}/subwords"

    def binary_dir(self, task: str) -> str:
        """fairseq's binary data set and dictionaries, binary.json."""
        return f"{self.results}/data/{task}/binary"

    def images_dir(self, task: str) -> str:
        """A prepared set of images: images.npz, summary.json."""
        return f"{self.results}/data/{task}/images"

    def run_dir(self, run: str) -> str:
        """model.pt, training.json, predictions/, run.json, measures.csv; checkpoints/ (for resuming, no output).

        A run of text is of one seed, a run of images of several: their ids have four parts and three.
        """
        return f"{self.results}/runs/{run}"

    def record(self, run: str) -> str:
        """The identity of a run: the settings and the hashes that its measures were taken with."""
        return f"{self.run_dir(run)}/run.json"

    def measures(self, run: str) -> str:
        """The measurements of a run, one number a row."""
        return f"{self.run_dir(run)}/measures.csv"

    def projection(self, run: str) -> str:
        """Points of the penultimate layer in the plane of three templates."""
        return f"{self.run_dir(run)}/projection.json"

    def blocks(self, run: str) -> str:
        """Sums over blocks of items, from which intervals and verdicts are computed."""
        return f"{self.run_dir(run)}/blocks.npz"

    def scores(self, run: str) -> str:
        """Scores of a run of text, which searches and matches read."""
        return f"{self.run_dir(run)}/scores.json"

    def pretrained(self, name: str) -> str:
        """Published weights that a fine-tuning starts from."""
        return f"{self.results}/pretrained/{name}.pt"

    def proposal(self, name: str) -> str:
        """Skew and strength that a search or match proposes for one trial; `name` is '<series>/trial<number>'."""
        return f"{self.results}/proposals/{name}.json"

    def adopted(self) -> str:
        """The runs whose committed records stand in for them."""
        return f"{self.results}/{ADOPTED}"

    def table(self, artefact: str) -> str:
        """The collected table that an artefact is rendered from."""
        return f"{self.results}/tables/{artefact}.json"

    def ledger(self) -> str:
        """The verdicts on the declared claims."""
        return f"{self.results}/ledger.json"

    def log(self, name: str) -> str:
        """Of a run `name` is '<stage>/<run>', the stage as in the run's `failed.<stage>.json`."""
        return f"{self.results}/logs/{name}.log"

    def benchmark(self, name: str) -> str:
        return f"{self.results}/benchmarks/{name}.tsv"

    def report(self) -> str:
        """The page with all results of a scale."""
        return f"{self.figures}/report.html"

    def rendered(self, artefact: str) -> list[str]:
        """The files of a rendered artefact: 'a_table_...' or 'a_figure_...'."""
        suffixes = ("csv", "md", "tex") if artefact.split("_")[1] == "table" else ("pdf", "svg", "png", "csv")
        return [f"{self.figures}/{artefact}.{suffix}" for suffix in suffixes]

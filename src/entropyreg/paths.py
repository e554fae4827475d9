"""Where everything lies; the only place that spells a path. Arguments may be Snakemake wildcards such as '{task}'."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paths:
    """Paths of one scale: `results` is <results_dir>/<scale>, `figures` is <figures_dir>/<scale>."""

    results: str
    figures: str

    @classmethod
    def of(cls, config: dict) -> "Paths":
        return cls(f"{config['results_dir']}/{config['scale']}", f"{config['figures_dir']}/{config['scale']}")

    def text_dir(self, task: str) -> str:
        """Prepared text: {train,valid,test}.{language}, {valid,test}.{reference,origin}, summary.json."""
        return f"{self.results}/data/{task}/text"

    def subwords_dir(self, task: str) -> str:
        """The same text in subwords, and the learnt codes."""
        return f"{self.text_dir(task)}/subwords"

    def binary_dir(self, task: str) -> str:
        """fairseq's binary data set and dictionaries, binary.json."""
        return f"{self.results}/data/{task}/binary"

    def run_dir(self, run: str) -> str:
        """model.pt, training.json, predictions/, record.json; checkpoints/ (for resuming, no output)."""
        return f"{self.results}/runs/{run}"

    def record(self, run: str) -> str:
        return f"{self.run_dir(run)}/record.json"

    def table(self, artefact: str) -> str:
        """The collected table that an artefact is rendered from."""
        return f"{self.results}/tables/{artefact}.json"

    def log(self, name: str) -> str:
        return f"{self.results}/logs/{name}.log"

    def benchmark(self, name: str) -> str:
        return f"{self.results}/benchmarks/{name}.tsv"

    def rendered(self, artefact: str) -> list[str]:
        """The files of a rendered artefact: 'a_table_...' or 'a_figure_...'."""
        suffixes = ("csv", "md", "tex") if artefact.split("_")[1] == "table" else ("pdf", "svg", "png", "csv")
        return [f"{self.figures}/{artefact}.{suffix}" for suffix in suffixes]

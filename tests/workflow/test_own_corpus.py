"""A corpus of the user's own: its six files are what it is prepared from, and nothing else that lies beside them."""

import pytest
import yaml

from entropyreg.config.loading import load_config

pytestmark = pytest.mark.slow
SUMMARY = "results/smoke/data/mine/text/summary.json"


@pytest.fixture
def prepare(snakemake, root, tmp_path):
    """A function that starts Snakemake for the prepared corpus of `<tmp_path>/data/mine`, and returns what it says."""
    task = load_config(root / "workflow", {"scale": "smoke"})["tasks"]["smoke_de_en"]
    task = {key: value for key, value in task.items() if key not in ("split", "train_pairs")}
    task |= {"source": {"kind": "parallel", "folder": "mine"}, "languages": {"source": "deu", "target": "pt_BR"}}
    task |= {"length": {"min": 1, "max": None}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"scale": "smoke", "data_dir": "data", "tasks": {"mine": task}}))
    (tmp_path / "data" / "mine").mkdir(parents=True)
    for split in ("train", "valid", "test"):
        for language in ("deu", "pt_BR"):
            (tmp_path / "data" / "mine" / f"{split}.{language}").write_text("eins zwei drei\n")

    def start(*arguments: str) -> str:
        done = snakemake(tmp_path, "--configfile", str(tmp_path / "own.yaml"), *arguments, "--", SUMMARY)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    return start


def test_only_the_six_files_of_a_corpus_prepare_it_anew(prepare, tmp_path):
    prepare()
    assert (tmp_path / SUMMARY).is_file()
    folder = tmp_path / "data" / "mine"
    for name in ("README.md", ".DS_Store", "train.fr", "valid.deu~", "we{ird}.txt"):
        (folder / name).write_text("not of the corpus\n")
    assert "Nothing to be done" in prepare("--dry-run")
    (folder / "test.deu").write_text("vier fünf sechs\n")
    assert "updated input files:\n        prepare_text\n" in prepare("--dry-run")


def test_a_mistyped_data_dir_is_told_at_once(snakemake, tmp_path):
    done = snakemake(tmp_path, "--dry-run", "--config", "scale=smoke", "data_dir=dta")
    assert done.returncode != 0
    assert "data_dir is 'dta', but there is no such folder; allowed: a folder, or null." in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr

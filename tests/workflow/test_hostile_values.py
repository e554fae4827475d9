"""Names of folders, titles and files that a shell would act on are treated as names: nothing in them is executed."""

import json

import pytest
import yaml

from entropyreg.config.loading import load_config

pytestmark = pytest.mark.slow
HOSTILE = (
    "$(touch {})",
    "`touch {}`",
    "; touch {} ;",
    "' ; touch {} ; '",
    '" ; touch {} ; "',
    "& touch {} #",
    "| touch {}",
)
LINES = {"train": 30, "valid": 5, "test": 5}


def hostile(number, text):
    """A name of a file with every kind of quotation in it; executed, it would make the file pwned<number>."""
    return f"{text} ü " + " ".join(HOSTILE).replace("{}", f"pwned{number}")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with a hostile name, a corpus in another, and a configuration that names both."""
    folder = tmp_path_factory.mktemp("hostile") / hostile(0, "here")
    corpus = folder / hostile(1, "data") / hostile(2, "mine")
    corpus.mkdir(parents=True)
    for split, count in LINES.items():
        for language, words in (("de", "Das große Haus"), ("en", "The big house")):
            text = "".join(f"{words} {split} {n} $(touch pwned3) `touch pwned3` ; touch pwned3\n" for n in range(count))
            (corpus / f"{split}.{language}").write_text(text)
    return folder


@pytest.fixture(scope="module")
def configuration(workplace, root):
    smoke = load_config(root / "workflow", {"scale": "smoke"})["tasks"]["smoke_de_en"]
    task = {key: value for key, value in smoke.items() if key not in ("split", "train_pairs")}
    task |= {"title": hostile(4, "title"), "source": {"kind": "parallel", "folder": hostile(2, "mine")}}
    config = {"scale": "smoke", "scale_note": hostile(5, "note"), "partial": True}
    config |= {"results_dir": hostile(6, "results"), "figures_dir": hostile(7, "figures")}
    config |= {"download_dir": hostile(8, "downloads"), "data_dir": str(workplace / hostile(1, "data"))}
    config |= {
        "tasks": {"mine": {**task, "length": {"min": 1, "max": 60}}, "smoke_de_en": {"title": hostile(4, "title")}}
    }
    path = workplace / "config.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


def test_hostile_names_and_titles_are_only_names(snakemake, workplace, configuration):
    """Preparing, segmenting, binarizing; collecting and drawing what there is (nothing); none of it in a shell."""
    results = f"{hostile(6, 'results')}/smoke"
    targets = [f"{results}/data/mine/binary/binary.json", "a_table_translation", "a_figure_entropy_bleu"]
    done = snakemake(workplace, *targets, "--configfile", str(configuration))
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((workplace / results / "data/mine/text/summary.json").read_text())
    assert summary["splits"]["train"]["read"] == LINES["train"]
    table = json.loads((workplace / results / "tables/a_table_translation.json").read_text())
    assert table["columns"][0]["title"] == hostile(4, "title")
    assert table["scale_note"] == f"{hostile(5, 'note')}; 0 of 4 runs"
    drawn = workplace / hostile(7, "figures") / "smoke"
    assert {path.suffix for path in drawn.glob("a_figure_entropy_bleu.*")} == {".pdf", ".svg", ".png", ".csv"}
    assert "pwned4" in (drawn / "a_table_translation.md").read_text()
    assert not [path for path in workplace.parent.rglob("pwned*")]
    assert not list((workplace.parents[0]).glob("pwned*"))


def test_every_rule_quotes_them_in_its_command(snakemake, workplace, configuration, root):
    """The commands of all stages, as a dry run prints them, are each read by the shell's own parser."""
    import shlex

    done = snakemake(
        workplace, "--dry-run", "--printshellcmds", "--quiet", "progress", "--configfile", str(configuration),
        "--config", "partial=false",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    commands = [line.partition("Shell command: ")[2] for line in (done.stdout + done.stderr).splitlines()]
    commands = [line for line in commands if line not in ("", "None")]  # a target has no command
    seen = set()
    for command in commands:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        tokens = list(lexer)
        assert tokens[:3] == ["python", "-m", "entropyreg"], command
        assert "touch" not in tokens, command
        seen.add(tokens[3])
    assert {"prepare", "train", "predict", "measure", "collect", "render", "train-images", "judge", "report"} <= seen
    assert not [path for path in workplace.parent.rglob("pwned*")]

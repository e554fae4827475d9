"""One line adds an arm to any block: its tables have a row for it, and nothing else changes."""

import json
import re
from importlib import import_module

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.experiments import expand
from entropyreg.io.schemas import read_yaml
from entropyreg.rendering.figures import ARTEFACTS as FIGURES
from entropyreg.rendering.figures.style import style
from entropyreg.rendering.tables.formats import to_csv, to_markdown

LINE = "{regularizer: skew_jensen, skew: 0.3, strength: 0.9}"
SEED = re.compile(r"/seed\d+$")
LABEL = "jensen-skew0.30-strength0.90"
ARMS = re.compile(r"^( *)arms:(?: &\w+)?(?: #.*)?\n|arms: (?:&\w+ )?\[", re.MULTILINE)


def files(workflow_dir):
    return [path.read_text(encoding="utf-8") for path in sorted((workflow_dir / "experiments").glob("paper_*.yaml"))]


def places(workflow_dir):
    """(file, place in its text): every list of arms that is written down; anchors share them."""
    return [(number, found) for number, text in enumerate(files(workflow_dir)) for found in ARMS.finditer(text)]


def with_line(workflow_dir, tmp_path, number, found):
    """The experiments with one more arm at the beginning of that list."""
    texts = files(workflow_dir)
    added = f"{found[1]}  - {LINE}\n" if found[1] is not None else f"{LINE}, "
    texts[number] = texts[number][: found.end()] + added + texts[number][found.end() :]
    papers = []
    for position, text in enumerate(texts):
        (tmp_path / f"{position}.yaml").write_text(text, encoding="utf-8")
        papers.append(read_yaml(tmp_path / f"{position}.yaml"))
    return papers


def cells_of(experiments):
    artefacts = experiments.artefacts.items()
    return {name: [(cell.row, cell.task, cell.run) for cell in one.cells] for name, one in artefacts}


def test_one_line_adds_its_row_wherever_it_stands(workflow_dir, tmp_path):
    configs = {scale: load_config(workflow_dir, {"scale": scale}) for scale in SCALES}
    unchanged = [read_yaml(path) for path in sorted((workflow_dir / "experiments").glob("paper_*.yaml"))]
    before = {scale: cells_of(expand(unchanged, config)) for scale, config in configs.items()}
    listed = {name: one.get("rows") for paper in unchanged for name, one in paper["artefacts"].items()}
    seen = set()
    for number, found in places(workflow_dir):
        papers = with_line(workflow_dir, tmp_path, number, found)
        for scale, config in configs.items():
            after = expand(papers, config)
            for name, cells in cells_of(after).items():
                added = [cell for cell in cells if cell not in before[scale][name]]
                assert [cell for cell in cells if cell in before[scale][name]] == before[scale][name]
                assert all(LABEL in run for _, _, run in added)
                rows = {row for row, _, _ in added}
                assert all(LABEL in row for row in rows) if listed[name] else rows <= {None}
                if listed[name] and added:
                    assert cells[-len(added) :] == added  # after the rows that it lists
                seen |= {name} if added else set()
    assert seen >= {name for name, rows in listed.items() if rows} - {"b_figure_distillation_grid"}  # teachers alone


def with_row(collected):
    """The collected table with one more row: the runs of another one under another name, a member of the family."""
    done = [run for run in collected["rows"] if run["status"] == "done"]
    of = next(run for run in done if run["row"] not in ("none", "hard"))
    added = [
        run | {"row": LABEL, "run": re.sub(r"^([^/]*/[^/]*)/[^/]*", rf"\1/{LABEL}", run["run"])}
        for run in done
        if (run["row"], SEED.sub("", run["run"])) == (of["row"], SEED.sub("", of["run"]))
    ]
    kind = {"kind": "skew_jensen"} if "kind" in of else {"generator": "entropy"}
    added = [run | {"skew": 0.3, "strength": 0.9, "smoothing": None, "selected": None} | kind for run in added]
    return collected | {"rows": [*collected["rows"], *added]}


def shown(root, workflow_dir, kind):
    """The collected tables of the demo's artefacts that list rows."""
    papers = [read_yaml(path) for path in sorted((workflow_dir / "experiments").glob("paper_*.yaml"))]
    names = [name for one in papers for name, declared in one["artefacts"].items() if declared.get("rows")]
    assert len(names) > 15
    for name in sorted(one for one in names if one.split("_")[1] == kind):
        yield name, json.loads((root / f"results/reference/demo/tables/{name}.json").read_text())


def test_every_table_shows_a_row_that_it_does_not_list(root, workflow_dir):
    for name, collected in shown(root, workflow_dir, "table"):
        table = import_module(f"entropyreg.rendering.tables.{name}").build(with_row(collected))
        assert LABEL in to_markdown(table), name
        assert f",{LABEL}," in to_csv(table), name


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("b_")])
def test_every_figure_with_rows_is_drawn_beside_one_that_it_does_not_list(root, workflow_dir, name):
    for found, collected in shown(root, workflow_dir, "figure"):
        if found == name:
            module, more = import_module(f"entropyreg.rendering.figures.{name}"), with_row(collected)
            with style(name):
                module.draw(more, module.plotted_rows(more))

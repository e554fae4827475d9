"""No claim stays undecided in silence: the declared runs of a scale serve the rules, or docs/claims.md says why not."""

import re
from pathlib import Path

import pytest
import yaml
from declared import Declared, outcomes

from entropyreg.comparing.claims.evidence import enters_verdict
from entropyreg.comparing.claims.records import TUNING
from entropyreg.config.loading import SCALES, load_config
from entropyreg.experiments import load_experiments

ROOT = Path(__file__).parents[4]
WORKFLOW = ROOT / "workflow"
CLAIMS = yaml.safe_load((WORKFLOW / "experiments" / "claims.yaml").read_text(encoding="utf-8"))["claims"]
TOLD = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
DECIDING = ("workstation", "paper")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return {scale: outcomes(WORKFLOW, scale, tmp_path_factory.mktemp(scale)) for scale in DECIDING}


def cell_of(outcome: dict) -> str:
    """What the page says of one claim at one scale."""
    if outcome["decided"] == {"proof"}:
        return "proof"
    roles = sorted("together" if role is None else role for role in outcome["roles"])
    return ", ".join(roles) or "-"


def test_the_page_says_what_each_scale_decides(found):
    expected = [[claim["id"], *(cell_of(found[scale][claim["id"]]) for scale in DECIDING)] for claim in CLAIMS]
    told = [re.split(r" *\| *", line.strip("| ")) for line in TOLD.splitlines() if re.match(r"\| [ABC]\d", line)]
    assert told == expected, "\n".join("| " + " | ".join(row) + " |" for row in expected)


def test_every_claim_is_decided_at_some_scale_and_roles_that_none_decides_are_listed(found):
    assert not [claim["id"] for claim in CLAIMS if not any(found[scale][claim["id"]]["decided"] for scale in DECIDING)]
    never = set()
    for claim in CLAIMS:
        if claim["tasks"] is None or claim["tasks"]["quantifier"] == "pooled":
            continue
        decided = set().union(*(found[scale][claim["id"]]["roles"] for scale in DECIDING))
        never |= {(claim["id"], role) for role in claim["tasks"]["names"] if role not in decided}
    lines = re.findall(r"^- ((?:[ABC]\d+(?:, )?)+): (\w+)\. ", TOLD, re.MULTILINE)
    assert {(claim, role) for claims, role in lines for claim in claims.split(", ")} == never


def test_every_reason_is_told(found):
    words = " ".join(TOLD.split())
    reasons = {
        re.sub(r"(no designed sweep of) .*", r"\1", reason)
        for outcome in found.values()
        for one in outcome.values()
        for reason in one["reasons"].values()
    }
    assert reasons and not [reason for reason in reasons if f'"{reason}"' not in words]


def test_a_declared_run_less_is_seen(tmp_path, monkeypatch):
    """The check can fail: without test decoding of the matched pairs A8 has none; without one of ten teachers, B22."""
    made = Declared.__init__

    def poorer(self, workflow_dir, scale, folder):
        made(self, workflow_dir, scale, folder)
        for name, table in self._tables.items():
            for row in (table or {"rows": []})["rows"]:
                if name == "a_table_sparsity" and row["trial"] and row["trial"]["kind"] == "match":
                    row["measures"].pop("test", None)
                if name == "b_figure_distillation" and row["row"] == "teacher" and row["smoothing"] == 0.75:
                    row["measures"]["mutual_information"] = None

    monkeypatch.setattr(Declared, "__init__", poorer)
    found = outcomes(WORKFLOW, "workstation", tmp_path, only=("A8", "B22", "A5"))
    assert found["A5"]["decided"] and not found["A8"]["decided"] and not found["B22"]["decided"]
    assert found["B22"]["reasons"] == {"cifar10: cifar10": "9 teachers, 10 needed"}


@pytest.mark.parametrize("scale", SCALES)
def test_declared_runs_have_seeds_that_may_decide_but_for_the_trials_of_searches(scale):
    experiments = load_experiments(WORKFLOW, load_config(WORKFLOW, {"scale": scale}))
    tuning = {
        cell.run
        for one in experiments.artefacts.values()
        for cell in one.cells
        if cell.trial and cell.trial.kind in TUNING
    }
    assert all(enters_verdict(run.seed) for run in experiments.runs.values() if run.id not in tuning)
    assert all(enters_verdict(seed) for run in experiments.image_runs.values() for seed in run.seeds)
    if scale in DECIDING:
        assert not any(enters_verdict(experiments.runs[run].seed) for run in tuning)

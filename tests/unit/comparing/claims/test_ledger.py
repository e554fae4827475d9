"""The ledger of planted scales: every verdict comes out where it should."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from planted import SEEDS, World, plant_networks, plant_paper_a, planted, write_claims

from entropyreg.cli.main import main
from entropyreg.comparing.claims.declaration import roles_of
from entropyreg.comparing.claims.digest import digest_in_force
from entropyreg.comparing.claims.ledger import judge
from entropyreg.comparing.claims.order import day_of_declaration
from entropyreg.comparing.claims.records import Records
from entropyreg.comparing.claims.statistics import PROOF, STATISTICS
from entropyreg.config.loading import SCALES, load_config
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_json
from entropyreg.provenance.origins import Origin, origin_path

ROOT = Path(__file__).parents[4]
CLAIMS = ROOT / "workflow" / "experiments" / "claims.yaml"
DECLARED = {claim["id"]: claim for claim in yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))["claims"]}
SETTINGS = {"scale": "planted", "scale_note": ""}
DESCRIPTIVE = {"A11", "C3", "C5"}


def ledger_of(folder: Path, sign: int) -> dict:
    claims = write_claims(CLAIMS, folder / "experiments")
    planted(folder, claims, sign)
    ledger = judge(SETTINGS, folder / "tables", folder / "runs", claims)
    return ledger | {"by_id": {entry["id"]: entry for entry in ledger["claims"]}}


@pytest.fixture(scope="module")
def true(tmp_path_factory):
    return ledger_of(tmp_path_factory.mktemp("true"), 1)


@pytest.fixture(scope="module")
def false(tmp_path_factory):
    return ledger_of(tmp_path_factory.mktemp("false"), -1)


def test_every_statistic_serves_a_claim_and_every_claim_has_one():
    assert {claim["test"]["statistic"] for claim in DECLARED.values()} == {*STATISTICS, PROOF}


@pytest.mark.parametrize("name", sorted(set(DECLARED) - DESCRIPTIVE))
def test_a_true_claim_is_supported(true, name):
    entry = true["by_id"][name]
    assert entry["verdict"] == "supported", (entry["reason"], entry["tests"])


@pytest.mark.parametrize("name", sorted(set(DECLARED) - DESCRIPTIVE - {"A9"}))
def test_a_reversed_claim_is_not_supported(false, name):
    entry = false["by_id"][name]
    assert entry["verdict"] == "not_supported", (entry["reason"], entry["tests"])


def test_estimates_are_the_planted_ones(true):
    def estimate(name: str, part: str | None = None) -> float:
        return next(test["estimate"] for test in true["by_id"][name]["tests"] if test["part"] == part)

    assert estimate("A2") == pytest.approx(2.0, abs=0.15)  # BLEU .33 against .31
    assert estimate("A10") == pytest.approx(100 * (0.33 + 0.33 + 0.335) / 3 - 30, abs=0.15)
    assert estimate("B6") == pytest.approx(0.2, abs=0.01)
    assert estimate("B12") == pytest.approx(20.0, abs=2.0)  # points of accuracy a unit of smoothing
    assert estimate("B16") == pytest.approx(-0.2, abs=0.01)
    assert estimate("B18") == pytest.approx(0.8, abs=0.01)
    assert estimate("C1", "interaction") == pytest.approx(100 * ((-0.2 - 0.23) / 2 - 0.01), abs=1.5)
    assert estimate("A7") == pytest.approx(1.0)
    assert estimate("A12") == pytest.approx(2.0, abs=0.15)  # .02 of BLEU and of ROUGE-L, over both ordered pairs


def test_a_run_of_the_design_counts_once_though_a_match_shows_it_too(true):
    (test,) = true["by_id"]["A14"]["tests"]
    assert test["beside"] == {"n_cells": 25} and test["n_seeds"] == 3 and len(test["runs"]) == 75


def test_date_of_a_record(tmp_path):
    records = Records(tmp_path, tmp_path)
    for run, provenance in (("dated", {}), ("made", {"made": "2026-12-02"}), ("trained", {"made": "2026-12-03"})):
        (tmp_path / run).mkdir()
        (tmp_path / run / "training.json").write_text("{}", encoding="utf-8")
        os.utime(tmp_path / run / "training.json", (86400, 86400))
        if run == "trained":
            provenance["training"] = {"finished": "2026-12-01"}
        (tmp_path / run / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    assert records.made("dated") == ("1970-01-02T00:00:00+00:00", "date of training.json")
    assert records.made("made") == ("2026-12-02", "provenance")
    assert records.first_made(["made", "trained"]) == {"run": "trained", "made": "2026-12-01", "source": "provenance"}
    assert records.first_made([]) is None


def test_descriptive_claims_have_estimates_and_no_verdict(true):
    for name in DESCRIPTIVE:
        entry = true["by_id"][name]
        assert entry["verdict"] == "descriptive" and entry["adjusted_p_value"] is None
        assert entry["tests"] and all(test["low"] <= test["estimate"] <= test["high"] for test in entry["tests"])


def test_roles_without_a_data_set_are_listed_beside_the_verdict(true):
    assert true["by_id"]["B2"]["unfilled_roles"] == ["imagenet"]
    assert {test["role"] for test in true["by_id"]["B2"]["tests"]} == {"cifar100", "translation"}


def test_no_adjusted_p_value_is_below_the_raw_one_and_families_are_the_declared_ones(true):
    tested = [entry for entry in true["claims"] if entry["p_value"] is not None]
    assert all(entry["adjusted_p_value"] >= entry["p_value"] for entry in tested)
    assert true["families"]["primary_A"] == {"method": "holm", "tested": ["A2", "A5", "A8", "A13"], "not_tested": []}
    assert true["families"]["secondary_extension"]["not_tested"] == []


def test_declaration_stands_before_the_first_record(true):
    entry = true["by_id"]["A2"]
    assert entry["first_record"]["made"] == "2026-11-30T12:00:00+00:00"
    assert entry["first_record"]["run"] == f"pairs/model/{'label_smoothing_0.1'}/seed1"
    assert entry["declared_day"] == "before"


def test_a_declaration_of_the_first_record_s_day_is_reported_apart_from_an_earlier_one(true):
    made = "2026-11-22T00:30:00+00:00"
    found = [day_of_declaration(day, made) for day in ("2026-11-21", "2026-11-22", "2026-11-23")]
    assert found == ["before", "same", "after"]
    assert all((entry["declared_day"] is None) == (entry["first_record"] is None) for entry in true["claims"])


def test_substitute_data_sets_are_marked(tmp_path):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    roles = claims.with_name("roles.yaml")
    roles.write_text(roles.read_text(encoding="utf-8").replace('"stand_ins": false', '"stand_ins": true'))
    world = World(tmp_path, 1, claims)
    plant_paper_a(world)
    world.write()
    entries = {one["id"]: one for one in judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)["claims"]}
    assert entries["A3"]["demo"] and not entries["A9"]["demo"] and not entries["B1"]["demo"]
    assert entries["A2"]["amendments"] == [] and entries["A2"]["post_hoc"] == []
    assert entries["B1"]["verdict"] == "not_tested" and "b_table_accuracy" in entries["B1"]["reason"]


def amended(claims: Path, *amendments: dict, margin: float) -> None:
    """Another margin of A3 in the file, with these amendments."""
    declared = json.loads(claims.read_text(encoding="utf-8"))
    next(one for one in declared["claims"] if one["id"] == "A3")["margin"] = margin
    claims.write_text(json.dumps(declared | {"amendments": list(amendments)}), encoding="utf-8")


def test_an_amendment_is_a_link_and_makes_its_claims_post_hoc_for_runs_before_it(tmp_path):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    before = digest_in_force(claims)
    world = World(tmp_path, 1, claims)
    plant_paper_a(world)
    world.write()

    def entries() -> dict:
        ledger = judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)
        return {one["id"]: one for one in ledger["claims"]}

    amended(claims, margin=0.6)
    with pytest.raises(UserError, match=rf"run 'pairs/.* of digest {before}.*'replaces: {before}'"):
        entries()
    form = {"date": "2026-11-29", "replaces": before, "claims": [], "change": "words", "reason": "none"}
    amended(claims, form, margin=0.6)
    found = entries()  # a change of the form is a link of the chain that touches no claim
    assert found["A3"]["amendments"] == found["A3"]["post_hoc"] == []
    amendment = {"date": "2026-11-29", "replaces": before, "claims": ["A3"], "change": ".5 to .6", "reason": "none"}
    amended(claims, amendment, margin=0.6)
    found = entries()
    assert found["A3"]["amendments"] == [amendment] and found["A2"]["amendments"] == []
    assert found["A3"]["post_hoc"] == found["A3"]["runs"] and found["A2"]["post_hoc"] == []
    # a run of the amended claims: post hoc only if its training began by the day of the amendment, as far as days tell
    world.claims_sha256 = digest_in_force(claims)
    world.rows.clear()
    shutil.rmtree(tmp_path / "tables")
    plant_paper_a(world)
    world.write()
    assert entries()["A3"]["post_hoc"] == []  # made on the next day
    late = found["A3"]["runs"][0]
    provenance = {"training": {"finished": "2026-11-30T12:00:00+00:00", "seconds": 86400}}
    (tmp_path / "runs" / late / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    assert entries()["A3"]["post_hoc"] == [late]


def test_wording_and_layout_do_not_change_the_digest(tmp_path):
    claims = tmp_path / "claims.yaml"
    text = CLAIMS.read_text(encoding="utf-8")
    digests = {}
    for name, old, new in (
        ("as it is", "", ""),
        ("comment", "claims:\n", "claims: # all of them\n"),
        ("statement", "Entropy regularization raises BLEU.", "Regularizing the entropy raises BLEU."),
        ("quantity", "BLEU, tuned GER minus label smoothing 0.1", "BLEU of tuned GER, less that of smoothing 0.1"),
        ("quantity of a part", "share below exp(-10)", "share below e^-10"),
        ("weight", "teacher_smoothed: 1/2", "teacher_smoothed: 1/3"),
        ("margin", "margin: 0.5", "margin: 0.6"),
    ):
        assert old in text
        claims.write_text(text.replace(old, new, 1), encoding="utf-8")
        digests[name] = digest_in_force(claims)
    same = {name for name, digest in digests.items() if digest == digests["as it is"]}
    assert same == {"as it is", "comment", "statement", "quantity", "quantity of a part"}


def paper_a_without(folder: Path, change) -> dict:
    """The claims of paper A after `change` of the rows of each table."""
    claims = write_claims(CLAIMS, folder / "experiments")
    world = World(folder, 1, claims)
    plant_paper_a(world)
    world.rows = {artefact: change(artefact, rows) for artefact, rows in world.rows.items()}
    world.write()
    ledger = judge(SETTINGS, folder / "tables", folder / "runs", claims)
    return {entry["id"]: entry for entry in ledger["claims"]}


def test_too_few_seeds_or_strengths_are_not_tested(tmp_path):
    def fewer(artefact, rows):
        return [row for row in rows if row["seed"] <= 2 and row["strength"] != 5.0]

    entries = paper_a_without(tmp_path, fewer)
    assert entries["A2"]["verdict"] == "not_tested" and entries["A2"]["reason"] == "pairs: 2 seeds an arm, 3 needed"
    assert entries["A5"]["reason"] == "pairs: 4 strengths a skew, 5 needed"


def test_no_verdict_is_computed_from_a_table_that_lacks_runs(tmp_path):
    planted(tmp_path, claims := write_claims(CLAIMS, tmp_path / "experiments"), 1)
    settings = SETTINGS | {"incomplete": {DECLARED["B6"]["test"]["read"][0]: "61 of 80 runs"}}
    found = {one["id"]: one for one in judge(settings, tmp_path / "tables", tmp_path / "runs", claims)["claims"]}
    assert found["B6"]["verdict"] == "not_tested" and found["B6"]["reason"].endswith(" has 61 of 80 runs")
    assert found["B6"]["tests"] == [] and found["A9"]["verdict"] == "supported"
    others = [name for name, one in DECLARED.items() if not {*settings["incomplete"]} & {*one["test"].get("read", ())}]
    assert len(others) > 20 and all(found[name]["verdict"] != "not_tested" for name in others)


def test_runs_of_one_seed_on_two_types_of_processor_give_no_verdict(tmp_path):
    planted(tmp_path, claims := write_claims(CLAIMS, tmp_path / "experiments"), 1)
    run = Records(tmp_path / "tables", tmp_path / "runs")
    ledger = judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)
    used = next(one for one in ledger["claims"] if one["id"] == "A2")["runs"]
    same = [one for one in used if one.rpartition("/")[2] == used[0].rpartition("/")[2]]
    for number, one in enumerate(same):
        origin = Origin("train", {"run": one}, {}, "", {}, {}, f"type {min(number, 1)}")
        write_json(origin_path(str(run.runs_dir / one / "model.pt")), origin._asdict())
    (entry,) = (
        one for one in judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)["claims"] if one["id"] == "A2"
    )
    assert entry["verdict"] == "not_tested"
    assert "were trained on several processors (type 0; type 1)" in entry["reason"]


def test_a_split_that_was_not_decoded_is_not_tested(tmp_path):
    def undecoded(artefact, rows):
        return [{**row, "measures": {"valid": row["measures"]["valid"]}} for row in rows]

    entries = paper_a_without(tmp_path, undecoded)
    assert "is not decoded on test" in entries["A5"]["reason"] and "is not decoded on test" in entries["A1"]["reason"]


def test_search_seeds_are_excluded_from_verdicts_on_tuned_arms(tmp_path):
    def searched(artefact, rows):
        if artefact != "a_table_translation":
            return rows
        return [
            {**row, "run": row["run"].replace("tuned", "tuned-winner")} if "tuned" in row["row"] else row
            for row in rows
        ]

    trial = {"series": "s", "number": 1, "kind": "random"}
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    world = World(tmp_path, 1, claims)
    plant_paper_a(world)
    for run in sorted((tmp_path / "runs" / "pairs" / "model" / "label_smoothing_tuned").iterdir()):
        shutil.copytree(run, Path(str(run).replace("tuned", "tuned-winner")))
    world.rows = {artefact: searched(artefact, rows) for artefact, rows in world.rows.items()}
    world.rows["a_figure_search"] = [{**world.rows["a_table_translation"][0], "seed": 1, "trial": trial}]
    world.write()
    ledger = judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)
    (test,) = next(entry for entry in ledger["claims"] if entry["id"] == "A2")["tests"]
    assert test["n_seeds"] == 3 and "seed 1 left out: the search trained with it" in test["caveats"]


def test_trials_choose_the_best_skew_on_validation_only(true):
    (test,) = true["by_id"]["A12"]["tests"]
    assert test["task"] == "pairs, summaries" and test["n_seeds"] == len(SEEDS)
    chosen = [(one["task"], one["skew"]) for one in test["beside"]["best_skews"]]
    assert chosen == [("pairs", 0.5), ("summaries", 1.0)]
    assert all(one["share_of_replicates"] > 0.9 for one in test["beside"]["best_skews"])
    assert not [caveat for caveat in test["caveats"] if "pilot" in caveat]  # trials are expected to have such seeds


def test_equal_best_skews_give_a_gain_of_zero(tmp_path):
    def alike(artefact, rows):
        """The other task's searches at skew 1, its best, as if they had been at skew .5, and the other way round."""
        other = {0.5: 1.0, 1.0: 0.5}
        own = [row["task"] == "summaries" and "_skew" in row["run"] for row in rows]
        return [
            row | {"skew": other.get(row["skew"], row["skew"])} if one else row
            for row, one in zip(rows, own, strict=True)
        ]

    entries = paper_a_without(tmp_path, alike)
    assert entries["A12"]["verdict"] == "inconclusive" and entries["A12"]["seeds_to_decide"] is None
    (test,) = entries["A12"]["tests"]
    assert test["estimate"] == 0 and "every task has the same best skew: no difference by definition" in test["caveats"]


@pytest.mark.parametrize(
    ("drop", "reason"),
    [
        (lambda row: row["task"] == "summaries", "1 data set, 2 needed"),
        (lambda row: row["skew"] == 0.0, "2 skews, 3 needed"),
        (lambda row: row["skew"] == 0.5 and row["seed"] in (3, 4), "2 seeds an arm, 3 needed"),
        (lambda row: True, "no search at a fixed skew has a winner that was trained anew"),
    ],
)
def test_the_best_skew_needs_two_data_sets_three_skews_and_fresh_seeds(tmp_path, drop, reason):
    def fewer(artefact, rows):
        return [row for row in rows if "winner" not in row["run"] or not drop(row)]

    assert paper_a_without(tmp_path, fewer)["A12"]["reason"] == f"pairs, summaries: {reason}"


def test_pilot_seeds_are_excluded_from_verdicts(tmp_path):
    def pilots(artefact, rows):
        """Three seeds that may decide, and a pilot's far better one; of the sweep pilots alone."""
        moved = {"a_table_translation": {4: 103}, "a_figure_equilibrium": {1: 101, 2: 102, 3: 103, 4: 104}}
        return [{**row, "seed": moved.get(artefact, {}).get(row["seed"], row["seed"])} for row in rows]

    entries = paper_a_without(tmp_path, pilots)
    (test,) = entries["A2"]["tests"]
    assert test["n_seeds"] == 3 and not [run for run in test["runs"] if run.endswith("seed4")]
    assert "seed 103 left out: a pilot's" in test["caveats"]
    assert entries["A14"]["verdict"] == "not_tested"
    assert entries["A14"]["reason"].endswith("pairs: no designed sweep of pairs")


def test_a_claim_with_only_pilot_runs_is_not_tested(tmp_path):
    def pilots(artefact, rows):
        return [{**row, "seed": 100 + row["seed"]} if row["row"] == "ger" else row for row in rows]

    entries = paper_a_without(tmp_path, pilots)
    assert entries["A13"]["reason"] == "pairs: 'ger' of pairs: only seeds from 100 on, which are pilots'"


def test_tasks_of_one_corpus_are_one_data_set(tmp_path):
    """C4 sees four data sets; with two of them named as one corpus it sees three, too few for its test."""
    reasons = {}
    for corpus in ("", "cifar"):
        folder = tmp_path / (corpus or "apart")
        claims = write_claims(CLAIMS, folder / "experiments")
        roles = json.loads(claims.with_name("roles.yaml").read_text(encoding="utf-8"))
        fillers = roles["scales"]["planted"]["roles"]
        del fillers["translation"]
        for name in ("cifar10", "cifar100"):
            fillers[name] = [{"task": name} | ({"corpus": corpus} if corpus else {})]
        claims.with_name("roles.yaml").write_text(json.dumps(roles), encoding="utf-8")
        world = World(folder, 1, claims)
        plant_networks(world)
        world.write()
        ledger = judge(SETTINGS, folder / "tables", folder / "runs", claims)
        entry = next(one for one in ledger["claims"] if one["id"] == "C4")
        reasons[corpus] = entry["reason"]
        if not corpus:
            (test,) = entry["tests"]
            assert len(test["beside"]["data_sets"]) == 4 and entry["verdict"] == "supported"
    assert reasons[""] is None and reasons["cifar"].endswith("3 data sets, 4 needed")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"statistic": "slope"',
            '"statistic": "slopes"',
            r"claim B12: no statistic .* 'slopes' \(did you mean 'slope'",
        ),
        (
            '"statistic": "slope"',
            '"statistic": "slope", "x": "rank"',
            r"claim B12: .*'slope' does not read 'x'; allowed: arms",
        ),
        (
            '"measure": "nll", "arms": {"smoothed"',
            '"measure": "ppl", "arms": {"smoothed"',
            r"claim B6: .*no measure 'ppl'.*; allowed: bleu, ",
        ),
    ],
)
def test_what_cannot_be_computed_is_told(tmp_path, old, new, message):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    text = claims.read_text(encoding="utf-8")
    assert old in text
    claims.write_text(text.replace(old, new), encoding="utf-8")
    planted(tmp_path, claims, 1)
    with pytest.raises(UserError, match=message):
        judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)


def test_a_scale_without_roles_is_refused(tmp_path):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    with pytest.raises(UserError, match=r"roles\.yaml has no scale 'demo'; allowed: planted"):
        judge({**SETTINGS, "scale": "demo"}, tmp_path, tmp_path, claims)


def test_the_command_writes_the_same_bytes_twice(tmp_path):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    world = World(tmp_path, 1, claims)
    plant_paper_a(world)
    world.write()
    arguments = ["judge", "--settings", json.dumps(SETTINGS), "--tables", str(tmp_path / "tables")]
    arguments += ["--runs", str(tmp_path / "runs"), "--claims", str(claims)]
    for name in ("one.json", "two.json"):
        assert main([*arguments, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_an_undecided_claim_names_the_seeds_that_would_decide_it(tmp_path):
    claims = write_claims(CLAIMS, tmp_path / "experiments")
    world = World(tmp_path, 1, claims)
    for row, shift in (("label_smoothing_0.1", 0.0), ("label_smoothing_tuned", 0.005)):
        for seed in SEEDS:
            share = 0.3 + shift + 0.01 * (-1) ** seed  # half a point of BLEU; one point of standard deviation
            world.text(["a_table_translation"], row, share, seed=seed)
    world.write()
    ledger = judge(SETTINGS, tmp_path / "tables", tmp_path / "runs", claims)
    entry = next(one for one in ledger["claims"] if one["id"] == "A2")
    assert entry["verdict"] == "inconclusive" and entry["detectable_unit"] == "bleu_points"
    assert entry["tests"][0]["estimate"] == pytest.approx(0.5, abs=0.02)
    # by hand: sd 1.155 between seeds, so n with 2 (1.645 + .842)^2 1.155^2 / .5^2 = 66, a few more for t
    assert 64 <= entry["seeds_to_decide"] <= 72
    assert entry["detectable_effect"] == pytest.approx(1.155 * np.sqrt(2 / 4) * (1.943 + 0.906), abs=0.1)


@pytest.mark.parametrize("scale", SCALES)
def test_roles_are_filled_by_tasks_of_the_scale(scale, workflow_dir):
    config = load_config(workflow_dir, {"scale": scale})
    roles, stand_ins = roles_of(workflow_dir / "experiments" / "roles.yaml", scale)
    tasks = {filler.task for fillers in roles.values() for filler in fillers}
    assert tasks <= {*config["tasks"], *config["image_tasks"]}
    assert stand_ins == (scale in ("smoke", "demo"))

"""The forecast of a whole scale: blocks, what is done, chains, devices, and the command."""

import json
import shutil
import subprocess
import sys
import time
from functools import cache

import pytest

from entropyreg.cli.main import main
from entropyreg.config.loading import SCALES, load_config
from entropyreg.config.paths import Paths
from entropyreg.experiments import load_experiments
from entropyreg.exploring.status import look_at
from entropyreg.forecast.blocks import declared_blocks, longest_chain, needs_of
from entropyreg.forecast.command import run, with_calibration
from entropyreg.forecast.devices import declared_devices
from entropyreg.forecast.downloads import downloads
from entropyreg.forecast.machine import this_machine
from entropyreg.forecast.report import report
from entropyreg.forecast.scale import forecast
from entropyreg.forecast.sizes import declared_sizes, image_size, text_size
from entropyreg.forecast.state import run_state
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, write_atomically, write_json

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@cache
def loaded(workflow_dir, scale):
    config = load_config(workflow_dir, {"scale": scale})
    return config, load_experiments(workflow_dir, config)


@pytest.fixture
def smoke(workflow_dir, tmp_path):
    """Configuration, experiments and paths of the smoke scale, with results in an empty folder."""
    config, experiments = loaded(workflow_dir, "smoke")
    config = {**config, "results_dir": str(tmp_path)}
    return config, experiments, Paths.of(config)


def forecast_of(workflow_dir, config, experiments, name=None):
    declared = declared_devices(workflow_dir, config["device"], name)
    return forecast(config, experiments, workflow_dir, declared, declared_sizes(workflow_dir))


def finish(paths, run_id, seconds, predicted=()):
    """Plant what a finished run leaves, with benchmarks."""
    write_json(paths.record(run_id), {})
    for name, value in [(f"train/{run_id}", seconds), *((f"predict/{run_id}{part}", one) for part, one in predicted)]:
        write_atomically(paths.benchmark(name), HEAD + f"{value}\t0:00:01\t1\t1\t1\t1\t0\t0\t90\t{value / 2}\n")


@pytest.mark.parametrize("scale", SCALES)
def test_every_run_is_in_one_block(workflow_dir, scale):
    experiments = loaded(workflow_dir, scale)[1]
    counted = [name for block in declared_blocks(workflow_dir, scale, experiments) for name in block.runs]
    assert sorted(counted) == sorted([*experiments.runs, *experiments.image_runs])


def test_done_trained_and_missing_are_counted(workflow_dir, smoke):
    config, experiments, paths = smoke
    first, second, third = list(experiments.runs)[:3]
    image = next(iter(experiments.image_runs))
    finish(paths, first, 7200.0, [("/valid", 1800.0), ("/test", 1800.0)])
    finish(paths, image, 3600.0, [("", 360.0)])
    for name in ("training.json", "model.pt"):
        write_json(f"{paths.run_dir(second)}/{name}", {})
    write_json(f"{paths.run_dir(third)}/checkpoints/recipe.json", {})
    total = forecast_of(workflow_dir, config, experiments)["total"]
    assert total["runs"] == len(experiments.runs) + len(experiments.image_runs)
    assert (total["done"], total["trained"], total["missing"]) == (2, 1, total["runs"] - 3)
    assert total["started"] == 1
    assert total["actual_hours"] == pytest.approx(3.0 + 1.1)
    assert total["actual_core_hours"] == pytest.approx((3.0 + 1.1) / 2)
    assert 0 < total["hours_left"] < total["hours"]
    assert 0 < total["forecast_of_actual"] < total["hours"] - total["hours_left"] + 1e-9


def test_nothing_is_left_of_a_scale_that_is_done(workflow_dir, smoke):
    config, experiments, paths = smoke
    for name in [*experiments.runs, *experiments.image_runs]:
        write_json(paths.record(name), {})
    result = forecast_of(workflow_dir, config, experiments)
    assert (result["total"]["hours_left"], result["total"]["bytes_left"]) == (0, 0)
    assert result["chain_left"] == {"hours": 0, "runs": []}
    assert result["total"]["hours"] > 0


def test_the_actual_hours_stand_beside_the_forecast_of_the_same_jobs(workflow_dir, smoke):
    """A run whose training alone has a benchmark is compared with the forecast of its training."""
    config, experiments, paths = smoke
    name = next(iter(experiments.runs))
    finish(paths, name, 36.0)
    result = forecast_of(workflow_dir, config, experiments)
    block = next(block for block in result["blocks"] if block["actual_hours"])
    assert block["actual_hours"] == pytest.approx(0.01)
    assert 0 < block["forecast_of_actual"] < block["hours"] / block["runs"]
    line = next(line for line in report(result).splitlines() if line.startswith(block["block"]))
    assert line.split()[-2] == "0.01"


def test_a_resumed_training_is_reported_and_left_out_of_the_actual_hours(workflow_dir, smoke):
    """Its benchmark holds the last part alone: a run that was nearly done would make all others seem slow."""
    config, experiments, paths = smoke
    whole, resumed = list(experiments.runs)[:2]
    images = next(iter(experiments.image_runs))
    finish(paths, whole, 3600.0)
    finish(paths, resumed, 7.2, [("/valid", 1800.0)])
    finish(paths, images, 7.2)
    write_json(f"{paths.run_dir(whole)}/training.provenance.json", {"resumed_from_update": 0})
    assert forecast_of(workflow_dir, config, experiments)["total"]["actual_hours"] == pytest.approx(1.504)
    write_json(f"{paths.run_dir(resumed)}/training.provenance.json", {"resumed_from_update": 9000})
    write_json(f"{paths.run_dir(images)}/training.provenance.json", {"resumed_from_epoch": 3})
    result = forecast_of(workflow_dir, config, experiments)
    assert result["resumed_runs"] == sorted([resumed, images])
    assert result["total"]["actual_hours"] == pytest.approx(1.5)  # a training that is whole, and a prediction
    assert result["total"]["actual_core_hours"] == pytest.approx(0.75)
    assert result["total"]["hours_left"] < result["total"]["hours"]  # they are done all the same
    line = next(line for line in report(result).splitlines() if line.startswith("actual h: "))
    assert "the trainings of 2 runs that were resumed" in line and resumed in line and images in line


def test_a_resumed_training_gives_status_no_duration(smoke):
    _, experiments, paths = smoke
    name = next(iter(experiments.runs))
    finish(paths, name, 7.2)
    assert look_at(name, paths).seconds == 7.2
    write_json(f"{paths.run_dir(name)}/training.provenance.json", {"resumed_from_update": 9000})
    assert (look_at(name, paths).state, look_at(name, paths).seconds) == ("done", None)


def test_a_damaged_benchmark_is_named(smoke):
    _, experiments, paths = smoke
    name = next(iter(experiments.runs))
    finish(paths, name, 1.0)
    write_atomically(paths.benchmark(f"train/{name}"), "s\tcpu_time\n")
    with pytest.raises(UserError, match=rf"{name}.tsv is not a benchmark"):
        run_state(name, paths)


def test_cpu_time_that_snakemake_did_not_see_is_the_wall_clock(smoke):
    _, experiments, paths = smoke
    name = next(iter(experiments.runs))
    write_json(paths.record(name), {})
    write_atomically(paths.benchmark(f"train/{name}"), "s\tcpu_time\n0.5\tNA\n")
    state = run_state(name, paths)
    assert (state.training_seconds, state.cpu_seconds, state.predicting_seconds) == (0.5, 0.5, None)


def test_the_longest_chain_by_hand():
    needs = {"a": (), "b": ("a",), "c": ("a", "b"), "d": (), "e": ("d",)}
    assert longest_chain(needs, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 1}) == (6, ["a", "b", "c"])
    assert longest_chain(needs, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}) == (9, ["d", "e"])
    assert longest_chain({}, {}) == (0.0, [])


def test_guided_trials_and_students_wait(workflow_dir):
    """A search of the paper scale: a drawn trial, ten guided ones, the winner anew; a student: its teacher first."""
    needs = needs_of(loaded(workflow_dir, "paper")[1])
    _, chain = longest_chain(needs, dict.fromkeys(needs, 1.0))
    assert len(chain) == 12
    assert chain[-2].endswith("-trial30/seed100") and "-winner/seed" in chain[-1]
    of_images = {name: one for name, one in needs.items() if name.startswith("cifar10/")}
    assert longest_chain(of_images, dict.fromkeys(of_images, 1.0))[0] == 2


def test_an_unknown_device_is_named_with_what_is_allowed(workflow_dir, tmp_path, capsys):
    message = "--device is 'h100_sxn' (did you mean 'h100_sxm'?); allowed for device 'cuda': a100_sxm, h100_sxm,"
    status = main(["forecast", "--scale", "paper", "--workflow", str(workflow_dir), "--device", "h100_sxn"])
    assert status == 2
    assert message in capsys.readouterr().err
    for folder in ("config", "schemas"):
        shutil.copytree(workflow_dir / folder, tmp_path / folder)
    path = tmp_path / "config" / "devices.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\ncpu: avx2_core", "\ncpu: h100_sxm"), encoding="utf-8")
    with pytest.raises(UserError, match=r"devices.yaml: cpu is 'h100_sxm'; allowed for device 'cpu': avx2_core"):
        declared_devices(tmp_path, "cpu")
    path.write_text(text.replace("utilisation: 0.3", "utilisation: 1.3"), encoding="utf-8")
    with pytest.raises(UserError, match=r"assumptions.utilisation is 1.3; allowed: <= 1"):
        declared_devices(tmp_path, "cuda")
    path.write_text(text.replace("at_once: 8", "at_onse: 8"), encoding="utf-8")
    with pytest.raises(UserError, match="at_onse"):
        declared_devices(tmp_path, "cuda")


def test_a_faster_device_takes_fewer_hours_and_money_is_hours_times_the_price(workflow_dir, tmp_path):
    config, experiments = loaded(workflow_dir, "paper")
    config = {**config, "results_dir": str(tmp_path)}
    slow, fast = (forecast_of(workflow_dir, config, experiments, name) for name in ("t4", "l40s"))
    assert slow["total"]["operations"] == fast["total"]["operations"]
    assert slow["total"]["hours"] > fast["total"]["hours"]
    assert "money: no price" in report(fast)
    hours = fast["total"]["hours"]
    assert f"money: {2 * hours:,.2f} left of {2 * hours:,.2f}, at 2 an hour" in report({**fast, "price_per_hour": 2.0})


def test_a_calibration_applies_only_to_its_machine_and_threads(workflow_dir, tmp_path):
    rates = {"transformer": {"training": 1e3, "prediction": 1e3, "decoding": 1e3}}
    content = {"machine": this_machine(), "threads": 1, "rates": rates}
    kept = tmp_path / "calibration.json"
    cpu, gpu = (declared_devices(workflow_dir, device) for device in ("cpu", "cuda"))
    assert with_calibration(cpu, kept, 1) is cpu
    write_json(kept, content)
    assert with_calibration(cpu, kept, 1).device.rates["transformer", "training"] == 1e3
    assert with_calibration(gpu, kept, 1) is gpu
    assert with_calibration(cpu, kept, 2) is cpu
    write_json(kept, {**content, "machine": {**this_machine(), "host": "elsewhere"}})
    assert with_calibration(cpu, kept, 1) is cpu


def test_a_prepared_corpus_is_counted_not_assumed(workflow_dir, smoke):
    config, _, paths = smoke
    name, task = "smoke_de_en", config["tasks"]["smoke_de_en"]
    declared = declared_sizes(workflow_dir)
    assumed = text_size(task, name, paths, declared)
    assert (assumed.pairs, assumed.prepared) == ({"train": 300, "valid": 20, "test": 20}, False)
    splits = ("train", "valid", "test")
    write_json(f"{paths.text_dir(name)}/summary.json", {"splits": {split: {"pairs": 10} for split in splits}})
    counts = {f"{split}.{language}": 30 for split in splits for language in ("de", "en")}
    write_json(f"{paths.subwords_dir(name)}/summary.json", {"subwords": counts})
    for language, lines in (("de", 5), ("en", 6)):
        write_atomically(f"{paths.binary_dir(name)}/dict.{language}.txt", "word 1\n" * lines)
    known = text_size(task, name, paths, declared)
    assert (known.pairs["train"], known.source["train"], known.vocabularies) == (10, 4.0, (9, 10))
    assert known.prepared


def test_a_corpus_of_the_users_own_is_not_guessed(workflow_dir, smoke):
    config, experiments, paths = smoke
    task = {**config["tasks"]["smoke_de_en"], "source": {"kind": "parallel", "folder": "mine"}}
    assert text_size(task, "mine", paths, declared_sizes(workflow_dir)) is None
    config = {**config, "tasks": {**config["tasks"], "smoke_de_en": task}}
    result = forecast_of(workflow_dir, config, experiments)
    assert {name.split("/")[0] for name in result["unknown_runs"]} == {"smoke_de_en"}
    assert "runs on corpora of unknown size (prepare them first)" in report(result)


@pytest.mark.parametrize(
    ("dataset", "split", "images"),
    [
        ("cifar10", {"validation": 10000, "train": None, "test": None}, (40000, 10000, 10000)),
        ("digits", {"validation": 100, "train": 300, "test": 100}, (300, 100, 100)),
        ("digits", {"validation": 400, "train": None, "test": 400}, (997, 400, 400)),
        ("fashion_mnist_6k", {"validation": 1000, "train": 4000, "test": 500}, (4000, 1000, 500)),
    ],
)
def test_images_are_split_as_preparing_does(workflow_dir, tmp_path, dataset, split, images):
    paths = Paths(str(tmp_path), str(tmp_path))
    size = image_size({"dataset": dataset, "split": split}, "any", paths, declared_sizes(workflow_dir))
    assert tuple(size.images.values()) == images


def test_downloads_are_summed_and_what_is_there_is_left_out(workflow_dir, tmp_path):
    config, experiments = loaded(workflow_dir, "paper")
    config = {**config, "download_dir": str(tmp_path / "cache")}
    before = downloads(config, experiments)
    europarl = "wmt14/training-parallel-europarl-v7.tgz"
    assert europarl in before.missing
    assert "imagenet" in before.to_bring
    assert before.bytes_to_bring >= 147_897_477_120 + 6_744_924_160
    write_json(tmp_path / "cache" / europarl, {})
    after = downloads(config, experiments)
    assert before.bytes - after.bytes == 657_632_379
    assert europarl in after.present


def test_the_paper_scale_is_foreseen(workflow_dir, root):
    """The time is printed, not judged: other work on the machine must fail no test."""
    code = (
        "import sys; from pathlib import Path; import entropyreg.exploring.status, entropyreg.cli.stages; "
        "assert not {'torch', 'fairseq', 'pandas', 'matplotlib'} & set(sys.modules); "
        "from entropyreg.forecast.command import run; "
        "print(run(Path(sys.argv[1]), {'scale': 'paper', 'results_dir': 'nowhere'}))"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(workflow_dir)], cwd=root, capture_output=True, text=True, check=False
    )
    print(f"the forecast of the paper scale took {time.perf_counter() - started:.1f} s")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for text in ("paper_table_iwslt14", "GPU h:", "longest chain", "(assumed, not measured)", "NVIDIA H100 data sheet"):
        assert text in done.stdout


def test_the_command_reads_keys_from_a_file(workflow_dir, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(f"scale: smoke\nresults_dir: {tmp_path}\n", encoding="utf-8")
    assert main(["forecast", "--config", str(path), "--workflow", str(workflow_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scale"] == "smoke"
    path.write_text("skale: smoke\n", encoding="utf-8")
    assert main(["forecast", "--config", str(path), "--workflow", str(workflow_dir)]) == 2
    assert "unknown key 'skale'" in capsys.readouterr().err
    assert main(["forecast", "--scale", "smoke", "--price", "-1", "--workflow", str(workflow_dir)]) == 2
    assert "--price is -1; allowed: 0 or more." in capsys.readouterr().err


def test_calibrating_measures_every_model_that_fits(workflow_dir, smoke, monkeypatch):
    """Rates are plausible (a core reaches 1 MFLOP/s to 10 TFLOP/s), cached, and used; too large a model is left out."""
    from entropyreg.forecast import calibration

    config, experiments, paths = smoke
    monkeypatch.setattr(calibration, "REPETITIONS", 1)
    monkeypatch.setattr(calibration, "LARGEST", 1e9)
    config = {**config, "models": {**config["models"], "fconv": {**config["models"]["fconv"], "max_tokens": 100_000}}}
    result = json.loads(run(workflow_dir, config, calibrate=True, as_json=True))
    cached = read_json(f"{paths.results}/forecast/calibration.json")
    used = {one.model for one in [*experiments.runs.values(), *experiments.image_runs.values()]}
    assert set(cached["rates"]) | set(cached["left_out"]) == used
    assert set(cached["left_out"]) == {"fconv"}
    assert set(cached["rates"]["transformer"]) == {"training", "prediction", "decoding"}
    assert all(1e6 < rate < 1e13 for kinds in cached["rates"].values() for rate in kinds.values())
    assert result["device"]["measured_rates"]["mlp training"] == cached["rates"]["mlp"]["training"]

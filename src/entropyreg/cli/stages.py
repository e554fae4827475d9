"""Runs each sub-command of the command line, a function each; a stage imports what it needs only when it runs."""

import argparse
import os

from entropyreg.io.errors import UserError, naming


def download(args: argparse.Namespace) -> None:
    from entropyreg.data.download import fetch, link

    for name in args.names:
        located = fetch(name, args.data_dir, args.download_dir, offline=args.offline)
        if args.links:
            link(located.path, args.links / name)
        else:
            print(f"{located.path}  sha256 {located.sha256}")


def prepare(args: argparse.Namespace) -> None:
    from entropyreg.data.preparation import prepare_corpus

    prepare_corpus(args.settings, args.out, args.data_dir, args.download_dir)


def segment(args: argparse.Namespace) -> None:
    from entropyreg.io.files import verify_outputs

    if args.settings["subwords"] == "gpt2":  # published ones, of a pre-trained model; nothing is learned
        from entropyreg.translation.gpt2_encoding import encode_corpus as run
    else:
        from entropyreg.data.subwords import segment_corpus as run

    verify_outputs(args.text)
    run(args.settings, args.text)


def binarize(args: argparse.Namespace) -> None:
    from entropyreg.io.files import verify_outputs
    from entropyreg.translation.binarization import binarize as run

    verify_outputs(args.subwords)
    run(args.settings, args.subwords, args.out)


def train(args: argparse.Namespace) -> None:
    from entropyreg.translation.training import train as run

    os.environ.pop(
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None
    )  # fairseq lets torch decide which objects a checkpoint may hold
    run(args.settings, args.binary, args.run_dir, args.log, args.threads, args.proposal, args.pretrained)


def extract_pretrained(args: argparse.Namespace) -> None:
    from entropyreg.translation.pretrained import extract_weights as run

    run(args.pretrained, args.out, args.data_dir, args.download_dir)


def propose(args: argparse.Namespace) -> None:
    from entropyreg.io.files import write_json
    from entropyreg.provenance.run_folders import RunFolders
    from entropyreg.search.proposals import propose as run

    folders = RunFolders.of(args.runs, args.adopted)
    names = {name: f"{name}/scores.json" for name in args.settings["runs"]}
    committed = [folders / name / "scores.json" for name in names]
    found = [one if one.is_file() else args.runs / own for one, own in zip(committed, names.values(), strict=True)]
    write_json(args.out, run(args.settings, found))


def predict(args: argparse.Namespace) -> None:
    from entropyreg.io.predicted_files import write_sums
    from entropyreg.io.trained_weights import verify_weights
    from entropyreg.translation.prediction import predict as run

    verify_weights(args.run_dir, args.settings["run"])
    run(args.settings, args.binary, args.run_dir, args.split, args.threads)
    write_sums(args.run_dir, args.settings["run"], args.split)


def predict_beams(args: argparse.Namespace) -> None:
    from entropyreg.io.predicted_files import write_sums
    from entropyreg.io.trained_weights import verify_weights
    from entropyreg.translation.prediction import predict_beams as run

    verify_weights(args.run_dir, args.settings["run"])
    run(args.settings, args.binary, args.run_dir, args.threads)
    write_sums(args.run_dir, args.settings["run"], "valid.beams")


def predict_temperatures(args: argparse.Namespace) -> None:
    from entropyreg.io.predicted_files import verify_sums, write_sums
    from entropyreg.io.trained_weights import verify_weights
    from entropyreg.translation.temperatures import predict_temperatures as run

    verify_weights(args.run_dir, args.settings["run"])
    if args.split != "valid":  # the temperatures that validation chose
        verify_sums(args.run_dir, args.settings["run"], "valid.temperatures")
    run(args.settings, args.binary, args.run_dir, args.threads, args.split)
    write_sums(args.run_dir, args.settings["run"], f"{args.split}.temperatures")


def prepare_images(args: argparse.Namespace) -> None:
    from entropyreg.images.data.preparation import prepare_images as run

    run(args.settings, args.out, args.data_dir)


def train_images(args: argparse.Namespace) -> None:
    from entropyreg.images.training import train_image_run

    settings = args.settings
    if args.teacher:
        from entropyreg.io.trained_weights import verify_weights

        teacher = (settings.get("distillation") or {}).get("teacher")
        if teacher is None:
            raise UserError(
                f"run '{settings['run']}': --teacher needs the key distillation.teacher, the teacher's run."
            )
        verify_weights(args.teacher, teacher)
    if args.matched_to:
        from entropyreg.images.matching import with_matched_temperature
        from entropyreg.io.predicted_files import verify_image_sums

        chosen = settings["distillation"].get("teacher_seed")
        seeds = settings["seeds"] if chosen is None else [chosen]
        matched = "/".join(args.matched_to.parts[-3:])  # the id of a run of images
        for folder, name in ((args.teacher, teacher), (args.matched_to, matched)):
            verify_image_sums(folder, name, seeds, ["train.images.npz"])
        settings = with_matched_temperature(settings, args.teacher, args.matched_to)
    train_image_run(settings, args.data, args.run_dir, args.threads, args.teacher, args.data_dir)


def predict_images(args: argparse.Namespace) -> None:
    from entropyreg.images.prediction import predict_images as run
    from entropyreg.io.predicted_files import write_image_sums
    from entropyreg.io.trained_weights import verify_weights

    verify_weights(args.run_dir, args.settings["run"])
    run(args.settings, args.data, args.run_dir, args.settings["splits"], args.threads, args.data_dir)
    write_image_sums(args.run_dir, args.settings["run"])


def measure_images(args: argparse.Namespace) -> None:
    from entropyreg.comparing.claims.digest import digest_in_force
    from entropyreg.io.files import write_json, write_npz
    from entropyreg.measuring.blocks import FILE
    from entropyreg.measuring.image_records import measure_image_run
    from entropyreg.measuring.record_files import write_record
    from entropyreg.provenance.versions import run_provenance

    claims = digest_in_force(args.claims)
    record, blocks = measure_image_run(args.settings, args.run_dir, args.data, claims, args.teacher)
    write_npz(args.run_dir / FILE, blocks)
    write_json(args.run_dir / "provenance.json", run_provenance(args.run_dir, args.data))
    write_record(args.run_dir, record)


def measure(args: argparse.Namespace) -> None:
    from entropyreg.comparing.claims.digest import digest_in_force
    from entropyreg.data.subwords import FOLDER as SUBWORDS
    from entropyreg.io.files import verify_outputs, write_json, write_npz
    from entropyreg.measuring.blocks import FILE
    from entropyreg.measuring.record_files import write_record
    from entropyreg.measuring.records import measure_run
    from entropyreg.provenance.versions import run_provenance

    verify_outputs(args.text, ("valid.", "test."))
    if args.settings["temperature_splits"]:
        verify_outputs(args.text / SUBWORDS, ("valid.", "test."))
    record, blocks = measure_run(args.settings, args.run_dir, args.text, digest_in_force(args.claims))
    write_npz(args.run_dir / FILE, blocks)
    write_json(args.run_dir / "provenance.json", run_provenance(args.run_dir))
    write_record(args.run_dir, record)


def score(args: argparse.Namespace) -> None:
    from entropyreg.io.files import verify_outputs, write_json
    from entropyreg.measuring.scores import score_run

    verify_outputs(args.text, ("valid.",))
    write_json(args.run_dir / "scores.json", score_run(args.settings, args.run_dir, args.text))


def adopt(args: argparse.Namespace) -> None:
    from entropyreg.provenance.adopted import list_adopted as run

    run(args.settings, args.reference, args.out)


def collect(args: argparse.Namespace) -> None:
    from entropyreg.comparing.joined_collect import collect_artefact as run
    from entropyreg.io.files import write_json
    from entropyreg.provenance.run_folders import RunFolders

    write_json(args.out, run(args.settings, RunFolders.of(args.runs, args.adopted)))


def judge(args: argparse.Namespace) -> None:
    from entropyreg.comparing.claims.ledger import judge as run
    from entropyreg.io.files import write_json
    from entropyreg.provenance.run_folders import RunFolders

    write_json(args.out, run(args.settings, args.tables, RunFolders.of(args.runs, args.adopted), args.claims))


def report(args: argparse.Namespace) -> None:
    from entropyreg.provenance.run_folders import RunFolders
    from entropyreg.rendering.report.page import write_report as run

    runs = RunFolders.of(args.results / "runs", args.adopted)
    run(args.settings, args.results, args.figures, args.captions, args.out, runs)


def records(args: argparse.Namespace) -> None:
    from entropyreg.exploring.records import export_records, filters_of

    export_records(args.results_dir / args.scale, filters_of(args.filters), args.out, args.columns, args.rows)


def compare(args: argparse.Namespace) -> None:
    from entropyreg.exploring.compare import compare_runs

    print(compare_runs(args.results_dir / args.scale, args.first, args.second), end="")


def status(args: argparse.Namespace) -> None:
    from entropyreg.exploring.status import status as run

    print(run(args.workflow, {"scale": args.scale, "results_dir": str(args.results_dir)}), end="")


def reference(args: argparse.Namespace) -> int:
    from entropyreg.reference.commands import act

    return act(args.action, args.scale, args.root, args.cell, args.out)


def render(args: argparse.Namespace) -> None:
    kind = args.artefact.split("_")[1] if args.artefact.count("_") else ""
    if kind == "figure":
        from entropyreg.rendering.figures import render as run
    else:
        from entropyreg.rendering.tables import render as run
    with naming(args.table):
        run(args.artefact, args.table, args.out)


def equilibrium(args: argparse.Namespace) -> None:
    from entropyreg.regularizers.equilibrium import equilibrium as solve
    from entropyreg.regularizers.equilibrium import strength_for_entropy

    strength = args.strength
    try:
        if args.entropy is not None:
            strength = strength_for_entropy(args.skew, args.entropy, args.vocabulary)
            print(f"strength {strength:.6g}")
        solution = solve(args.skew, strength, args.vocabulary)
    except ValueError as error:
        raise UserError(str(error)) from None
    print(f"target probability {solution.target_probability:.6g}")
    print(f"floor {solution.floor:.6g}")
    print(f"normalised entropy {solution.normalized_entropy:.6g}")


def forecast(args: argparse.Namespace) -> None:
    try:
        from entropyreg.forecast.command import configuration_file, run
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UserError(
            "A forecast counts the operations of the models themselves, with torch, which is not installed here: "
            "use the environment that trains (docs/environments.md)."
        ) from None

    given = {"scale": args.scale, "data_dir": args.data_dir}
    overrides = {**configuration_file(args.config), **args.settings}
    overrides |= {key: value for key, value in given.items() if value is not None}
    print(run(args.workflow, overrides, args.device, args.price, args.calibrate, args.json), end="")

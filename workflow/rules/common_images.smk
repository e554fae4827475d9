"""Functions of the rules for images: inputs and options."""

from entropyreg.images.data.containers import IN_DATA_DIR, find_container, has_own, needed_image_sources


def image_run_of(wildcards):
    """The declared image run of a path; a path of no declared run is refused in plain words."""
    if wildcards.image_run not in EXPERIMENTS.image_runs:
        raise WorkflowError(f"scale '{config['scale']}' declares no image run '{wildcards.image_run}'.")
    return EXPERIMENTS.image_runs[wildcards.image_run]


def dataset_of(wildcards):
    """The set of images that a task, or the task of a run, is made from."""
    task = wildcards.image_task if hasattr(wildcards, "image_task") else image_run_of(wildcards).task
    if task not in config["image_tasks"]:
        raise WorkflowError(f"scale '{config['scale']}' has no image task '{task}'.")
    return config["image_tasks"][task]["dataset"]


def image_files(wildcards):
    """The files that a set of images is read from: of its container in data_dir, or links to downloads."""
    dataset = dataset_of(wildcards)
    if not has_own(dataset, config["data_dir"]):
        return [source_link(name) for name in needed_image_sources(dataset)]
    try:
        return list(map(str, find_container(dataset, config["data_dir"]).files))
    except UserError as error:
        raise WorkflowError(str(error)) from None


def image_data_dir(wildcards):
    """The folder that a set of images is read from, if any: the user's, or that of the links to the downloads."""
    dataset, folder = dataset_of(wildcards), config["data_dir"]
    names = needed_image_sources(dataset)
    if names and not has_own(dataset, folder):
        folder = str(Path(PATHS.source(names[0])).parents[1])
    return f"--data-dir {shlex.quote(folder)}" if folder is not None and (names or dataset in IN_DATA_DIR) else ""


def stored_data_dir(wildcards):
    """The user's folder, for images that are read from it at every epoch instead of being loaded."""
    stored = dataset_of(wildcards) == "imagenet" and config["data_dir"] is not None
    return f"--data-dir {shlex.quote(config['data_dir'])}" if stored else ""


def teacher_of(wildcards):
    """The outcome of the teacher of a student's run, and for one matched in entropy the predictions of both teachers."""
    teaching = image_run_of(wildcards).teaching
    if teaching is None:
        return []
    files = [f"{PATHS.run_dir(teaching.teacher)}/{name}" for name in ("model.pt", "training.json")]
    both = [teaching.teacher, teaching.matched_to] if teaching.matched_to else []
    return files + [f"{PATHS.run_dir(run)}/predictions.json" for run in dict.fromkeys(both)]


def teacher_predictions_of(wildcards):
    """The predictions of the teacher of a student's run."""
    teaching = image_run_of(wildcards).teaching
    return [f"{PATHS.run_dir(teaching.teacher)}/predictions.json"] if teaching else []


def teacher_options(wildcards):
    """Options of training for students: the folders of the teacher and of the run that it is matched to."""
    teaching = image_run_of(wildcards).teaching
    runs = {"--teacher": teaching and teaching.teacher, "--matched-to": teaching and teaching.matched_to}
    return " ".join(f"{option} {shlex.quote(PATHS.run_dir(run))}" for option, run in runs.items() if run)


def teacher_folder(wildcards):
    """Option of measuring for students: the folder of the teacher."""
    teaching = image_run_of(wildcards).teaching
    return f"--teacher {shlex.quote(PATHS.run_dir(teaching.teacher))}" if teaching else ""

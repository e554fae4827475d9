"""Small collected tables of image runs for the tests of figures: the numbers are made up, so that a test can plant."""

import numpy as np

NOTE = "demo scale: small networks on small images; not a reproduction of the papers' absolute numbers"


def image_run(smoothing=0.0, *, row="hard", column="one", model="mlp", seed=1, selected=None, teacher=None, **measures):
    """A finished run of hard targets, or of label smoothing; `measures` are its groups of measures."""
    kind = "label_smoothing" if smoothing else "none"
    run = f"{column}/{model}/{kind}{smoothing:g}" + (f"-{teacher['run']}-T{teacher['temperature']}" if teacher else "")
    return {
        **{"row": row, "column": column, "task": column, "task_title": f"Data {column}", "model": model},
        **{"model_title": f"Model {model}", "published_as": None, "run": run, "seed": seed, "status": "done"},
        **{"reason": None, "kind": kind, "smoothing": smoothing, "skew": 1.0 if smoothing else None},
        **{"strength": smoothing / (1 - smoothing) if smoothing else None, "wanted_entropy": None, "dropout": 0.0},
        **{"baseline": "uniform" if smoothing else None, "updates": 100, "n_classes": 10, "teacher": teacher},
        **{"selected": selected, "measures": measures},
    }


def missing(run, reason="no record yet"):
    """That run without a record."""
    measured = ("temperature", "equivalent_smoothing", "entropy_normalized", "accuracy", "seed")  # known with a record
    teacher = {key: value for key, value in run["teacher"].items() if key not in measured} if run["teacher"] else None
    return run | {"status": "missing", "reason": reason, "measures": None, "selected": None, "teacher": teacher}


def image_table(artefact, rows, columns=("one",), **changes):
    """A collected table with those runs; a column 'one' has the title 'Data one'."""
    described = [{"task": task, "title": f"Data {task}", "classes": [str(n) for n in range(10)]} for task in columns]
    whole = {"artefact": artefact, "title": artefact, "scale": "demo", "scale_note": NOTE, "images": True}
    return whole | {"columns": described, "claims_sha256": "0" * 64, "rows": rows, "comparisons": []} | changes


def analytic_table():
    return image_table("b_figure_targets", [], columns=())


def reliability(temperature, excess, seed, count=1000):
    """`calibration` and `temperature` of a network whose confidence exceeds its accuracy by `excess` in every bin."""
    weight = np.array([0, 0, 0, 2, 4, 8, 15, 25, 30, 40, 50, 70, 110, 200, 446]) * count // 1000 + seed % 2
    confidence = (np.arange(15) + 0.5) / 15

    def split(shift, counts):
        accuracy = np.clip(confidence - shift, 0, 1)
        shown = {"count": counts.tolist()}
        for key, values in (("confidence", confidence), ("accuracy", accuracy)):
            shown[key] = [value if n else None for value, n in zip(values.tolist(), counts, strict=True)]
        ece = float((counts * abs(accuracy - confidence)).sum() / counts.sum())
        return {"ece": ece, "debiased_ece": ece, "smooth_ece": ece, "bins": shown}

    scaled = {"temperature": temperature, "at_bound": False, "valid": split(0.02, weight[::-1] + weight)}
    return {"calibration": {"valid": split(excess, weight)}, "temperature": {"ece_all": scaled}}


def reliability_table(columns=("one",), models=("mlp", "alexnet")):
    rows = []
    for column in columns:
        for model in models[: 1 if column == "one" else 2]:
            for seed in (1, 2):
                place = {"column": column, "model": model, "seed": seed}
                rows.append(image_run(0.0, **place, **reliability(1.9 + 0.2 * seed, 0.15, seed)))
                smoothed = {"row": "smoothed", **place}
                rows.append(image_run(0.1, selected=False, **smoothed, **reliability(0.8, -0.1, seed)))
                rows.append(image_run(0.05, selected=True, **smoothed, **reliability(0.9, -0.04, seed)))
    return image_table("b_figure_reliability_images", rows, columns=columns)


def information(final, seed, draws=5, inputs=300):
    """`mutual_information` that rises fast and decays to `final`; per-input curves are 9 throughout."""
    updates = list(range(0, 4001, 400))
    fresh = [0.0] + [final + 0.1 * seed + 3.5 * float(np.exp(-n / 3)) for n in range(len(updates) - 1)]
    kinds = {("shared", "fresh"): fresh, ("shared", "same"): [value + 0.3 for value in fresh]}
    kinds[("per_input", "fresh")] = [9.0] * len(updates)
    curves = [
        {"draws": draws, "variance": variance, "sample": sample, "values": values, "final": values[-1]}
        for (variance, sample), values in kinds.items()
    ]
    shown = {"classes": ["3", "5"], "n_inputs": inputs, "upper_bound": float(np.log(inputs)), "updates": updates}
    return {"mutual_information": {**shown, "curves": curves}}


def information_table(columns=("one",)):
    rows = []
    for column in columns:
        for seed in (1, 2):
            rows.append(image_run(0.0, column=column, seed=seed, **information(2.0, seed)))
            rows.append(image_run(0.1, row="smoothed", column=column, seed=seed, **information(0.8, seed)))
    return image_table("b_figure_mutual_information", rows, columns=columns)


def teacher_of(smoothing, temperature, gamma, seed):
    """What a student's row says of its teacher."""
    return {
        **{"run": f"teacher{smoothing:g}", "model": "resnet", "model_title": "Model resnet", "smoothing": smoothing},
        **{"kind": "label_smoothing" if smoothing else "none", "skew": None, "wanted_entropy": None, "seed": seed},
        **{"temperature": temperature, "matched_to": None, "loss": "soft", "weight": 1.0, "accuracy": 0.99},
        **{"equivalent_smoothing": gamma, "entropy_normalized": gamma},
    }


def accurate(accuracy):
    return {"scores": {"valid": {"accuracy": accuracy, "n_images": 1000}}}


def distillation_table():
    rows = []
    for seed in (1, 2, 3):
        noise = 0.002 * (seed - 2)
        for smoothing in (0.0, 0.15, 0.3, 0.45, 0.6, 0.75):
            own = {"row": "teacher", "model": "resnet", "seed": seed}
            rows.append(image_run(smoothing, **own, **accurate(0.92 + 0.01 * smoothing + noise)))
            rows.append(image_run(smoothing, row="student", seed=seed, **accurate(0.868 - 0.01 * smoothing + noise)))
            if smoothing:
                own = {"row": "from_smoothed", "seed": seed, "teacher": teacher_of(smoothing, 1.0, smoothing, seed)}
                rows.append(image_run(**own, **accurate(0.864 - 0.008 * smoothing + noise)))
        for temperature, gamma in ((1, 0.01), (2, 0.09), (3, 0.2), (4, 0.35), (8, 0.62), (12, 0.7), (16, 0.75)):
            own = {"row": "from_hard", "seed": seed, "selected": temperature == 4}
            own["teacher"] = teacher_of(0.0, float(temperature), gamma + noise, seed)
            rows.append(image_run(**own, **accurate(0.87 + 0.02 * gamma * (1 - gamma) + noise)))
    return image_table("b_figure_distillation", rows)


def grid_table(columns=("one",)):
    rows = []
    for column in columns:
        for smoothing in (0.0, 0.15, 0.45):
            for temperature in (1.0, 2.0, 4.0):
                for seed in (1, 2):
                    own = {"row": "student", "column": column, "seed": seed}
                    own["selected"] = temperature == (4.0 if smoothing == 0 else 1.0)
                    own["teacher"] = teacher_of(smoothing, temperature, 0.2, seed)
                    value = 0.9 + 0.02 * (1 - 4 * smoothing) * np.log(temperature) + 0.001 * seed
                    rows.append(image_run(**own, **accurate(float(value))))
    rows[-1], rows[-2] = missing(rows[-1]), missing(rows[-2])
    return image_table("b_figure_distillation_grid", rows, columns=columns)


def projected(spread, scale, triplets=1, images=40):
    """`projection` of well-separated classes: three corners of a triangle with noise of standard deviation `spread`."""
    draws = np.random.default_rng(int(10 * scale))
    corners = scale * np.array([[1.0, 0.0], [0.5, 0.9], [0.0, 0.0]])
    shown = []
    for n in range(triplets):
        one = {"classes": [3 * n, 3 * n + 1, 3 * n + 2], "names": [f"class {3 * n + k}" for k in range(3)]}
        for split in ("train", "valid"):
            points = [(corner + spread * draws.normal(size=(images, 2))).round(5).tolist() for corner in corners]
            one[split] = {"points": points, "templates": (0.3 * corners).tolist()}
        shown.append(one)
    return {"projection": shown}


def projection_table(columns=("one",), triplets=1):
    rows = []
    for column in columns:
        number = triplets if column == "one" else 1
        rows.append(image_run(0.0, column=column, **projected(3.0, 20.0, number)))
        rows.append(image_run(0.0, column=column, seed=2, projection=None))
        rows.append(image_run(0.1, row="smoothed", column=column, **projected(0.2, 5.0, number)))
    return image_table("b_figure_projection", rows, columns=columns)


EXAMPLES = {
    "b_figure_targets": analytic_table,
    "b_figure_reliability_images": reliability_table,
    "b_figure_mutual_information": information_table,
    "b_figure_distillation": distillation_table,
    "b_figure_distillation_grid": grid_table,
    "b_figure_projection": projection_table,
}

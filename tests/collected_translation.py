"""Small collected tables of paper B's translation runs for tests of figures and tables; the numbers are planted.

Every model has a temperature where its ECE is least (`BEST`), one where its NLL is least and one where its BLEU is
greatest; a seed shifts all values a little.
"""

import math

NOTE = "demo scale: small models on embedded software texts; not a reproduction of the papers' absolute numbers"
SIGNATURE = "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:2.6.0"
GRID = (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.6)
BEST = {"hard": 1.25, "smoothed": 1.0, "skew0.5": 0.9, "confidence_penalty": 0.8}  # temperatures of least ECE
PEAK = {"hard": 25.0, "smoothed": 26.0, "skew0.5": 25.8, "confidence_penalty": 25.6}  # BLEU at the best temperature
LEAST_NLL = {"hard": 1.6, "smoothed": 1.75, "skew0.5": 1.8, "confidence_penalty": 1.85}
REGULARIZERS = {"hard": (None, 0.0), "smoothed": (1.0, 1 / 9), "skew0.5": (0.5, 0.3), "confidence_penalty": (0.0, 0.5)}
FAMILY = tuple(REGULARIZERS)
PAPER = ("hard", "smoothed")


def away(row, temperature):
    """Distance of the temperature from the model's best one, as a logarithm."""
    return math.log(temperature / BEST[row])


def planted(row, quantity, temperature, seed=1):
    """The planted value of bleu, ece or nll."""
    distance = away(row, temperature)
    if quantity == "bleu":
        return PEAK[row] - 4 * distance**2 + 0.1 * (seed - 2)
    if quantity == "ece":
        return 0.015 + 0.2 * abs(distance) + 0.001 * (seed - 2)
    return LEAST_NLL[row] + 0.4 * distance**2 + 0.01 * (seed - 2)


def bins(excess, tokens=10000):
    """15 bins of a model whose confidence exceeds its accuracy by `excess` in each; the lowest is empty."""
    counts = [0, 4, 30, 100, 200, 260, 320, 400, 480, 560, 640, 740, 900, 1300, 4066]
    confidence = [(n + 0.5) / 15 for n in range(15)]
    accuracy = [min(max(value - excess, 0.0), 1.0) for value in confidence]
    counts = [count * tokens // 10000 for count in counts]
    shown = [
        [value if n else None for value, n in zip(values, counts, strict=True)] for values in (confidence, accuracy)
    ]
    return {"count": counts, "confidence": shown[0], "accuracy": shown[1]}


def fit(row, seed, criterion, half):
    """The entry of a fitted temperature."""
    temperature = BEST[row] * (1.0 if criterion == "ece" else 1.04) + 0.02 * (seed - 2)
    found = {"temperature": temperature, "at_bound": False}
    found |= {key: planted(row, key, temperature, seed) for key in ("ece", "nll")}
    if half:
        return found | {f"held_out_{key}": found[key] + 0.002 for key in ("ece", "nll")}
    return found | {"bleu": planted(row, "bleu", temperature, seed)}


def temperatures(row, seed):
    """`measures.valid.temperatures` of a finished run."""
    excess = 0.2 * math.log(BEST[row])
    found = {"n_sentences": 500, "beam": 4, "temperatures": list(GRID), "bleu_signature": SIGNATURE}
    found |= {"n_tokens": 10003, "n_calibration_sentences": 480}
    found |= {key: [planted(row, key, one, seed) for one in GRID] for key in ("bleu", "ece", "nll")}
    found |= {"reliability": bins(excess), "reliability_scaled": bins(0.01)}
    ece = planted(row, "ece", 1.0, seed)
    found |= {"debiased_ece": ece - 0.004, "smooth_ece": ece - 0.002}
    found |= {"calibrated_ece": 0.008, "calibrated_ece_upper": 0.011}
    found["fits"] = {
        f"{criterion}_{part}": fit(row, seed, criterion, part == "half")
        for part in ("all", "half")
        for criterion in ("ece", "nll")
    }
    own = {"n_tokens": 9500, "accuracy": 0.6, "confidence": 0.7 + excess, "ece": ece + 0.08}
    return found | {"own": own | {"reliability": bins(excess + 0.08, 9000)}}


def projection(row, triplets=1, words=20):
    """`projection`, `clusters` and `training_accuracy`: three corners of a triangle with points on small circles."""
    size, spread = (20.0, 4.0) if row == "hard" else (8.0, 0.8)
    corners = [(size, 0.0), (size / 2, size), (0.0, 0.0)]
    shown = []
    for n in range(triplets):
        one = {"words": [f"word{3 * n + k}@@" for k in range(3)]}
        for split in ("train", "valid"):
            points = [
                [[x + spread * math.cos(6.3 * k / words), y + spread * math.sin(6.3 * k / words)] for k in range(words)]
                for x, y in corners
            ]
            one[split] = {"points": points, "templates": [[0.3 * x, 0.3 * y] for x, y in corners]}
        shown.append(one)
    ratio = 0.9 if row == "hard" else 0.3
    cluster = {"n_examples": 60 * triplets, "scatter_ratio": ratio, "scatter_ratio_low": ratio - 0.1}
    cluster |= {"scatter_ratio_high": ratio + 0.2, "distance_variation": 0.2, "distance_variation_low": 0.1}
    cluster |= {"distance_variation_high": 0.3}
    return {"projection": shown, "clusters": {"train": cluster, "valid": cluster}, "training_accuracy": 0.8}


def run_of(row, *, column="en_de", seed=1, triplets=0, **changes):
    """A finished run of a row."""
    skew, strength = REGULARIZERS[row]
    smoothing = strength / (1 + strength) if skew == 1 else None
    valid = {"n_sentences": 500, "n_tokens": 12000, "vocabulary_size": 1616, "filler_entries": 4, "accuracy": 0.6}
    valid |= {"nll": planted(row, "nll", 1.0, seed), "bleu": planted(row, "bleu", 1.0, seed), "confidence": 0.65}
    valid |= {"bleu_signature": SIGNATURE, "bleu_as_published": planted(row, "bleu", 1.0, seed) + 1}
    valid |= {"bleu_as_published_signature": SIGNATURE, "entropy_normalized": 0.25 if skew is not None else 0.15}
    test = {**valid, "nll": valid["nll"] + 0.05, "bleu": valid["bleu"] - 0.5}
    valid |= {"temperatures": temperatures(row, seed), "projection": None, "clusters": None, "training_accuracy": None}
    valid |= projection(row, triplets) if triplets else {}
    run = {"row": row, "column": column, "task": column, "run": f"{column}/transformer/{row}/seed{seed}"}
    run |= {"model": "transformer", "seed": seed, "skew": skew, "strength": strength, "smoothing": smoothing}
    run |= {"baseline": None if skew is None else "uniform", "generator": None if skew is None else "entropy"}
    run |= {"wanted_entropy": 0.25 if row in ("skew0.5", "confidence_penalty") else None, "trial": None}
    run |= {"predicted_entropy": None if skew is None else 0.25, "predicted_log_floor": None}
    return run | {"status": "done", "reason": None, "measures": {"valid": valid, "test": test}} | changes


def missing(run, reason="no record yet"):
    return run | {"status": "missing", "reason": reason, "measures": None}


def not_run(row, column):
    """A row that no run fills."""
    empty = dict.fromkeys(run_of(row)) | {"row": row, "column": column, "task": column}
    return empty | {"status": "missing", "reason": "not run at demo scale"}


def table(artefact, rows=FAMILY, columns=("en_de",), seeds=(1, 2, 3), triplets=0, **changes):
    """A collected table with those rows in every column, its curves and its comparisons."""
    runs = [
        run_of(row, column=column, seed=seed, triplets=triplets) for column in columns for row in rows for seed in seeds
    ]
    described = [
        {"task": task, "title": f"Data {task}", "published_as": "wmt_en_de" if task == "en_de" else None}
        for task in columns
    ]
    whole = {"artefact": artefact, "title": artefact, "scale": "demo", "scale_note": NOTE, "columns": described}
    whole |= {"rows": runs, "comparisons": [], "curves": [], "curve_differences": []}
    whole |= {"scaling": [], "own_output": [], "intervals": []}
    for column in columns:
        add_curves(whole, column, rows, len(seeds))
    return whole | changes


def add_curves(whole, column, rows, n):
    """Curves of every row with bands of a fixed width, and what is compared."""
    sizes = {"n_seeds": n, "n_sentences": 500, "n_replicates": 1000}
    width = {"bleu": 0.4, "ece": 0.006, "nll": 0.03}
    for row in rows:
        whole["intervals"] += intervals(column, row, n)
        for quantity, half in width.items():
            middle = [planted(row, quantity, one, 2) for one in GRID]
            whole["curves"].append(band(column, row, quantity, middle, half) | sizes)
            to_one = [value - planted(row, quantity, 1.0, 2) for value in middle]
            found = band(column, row, quantity, to_one, half) | {"to": None, "kind": "to_one"}
            whole["curve_differences"].append(found)
        for criterion in ("ece_all", "nll_all"):
            if row == "hard" and "smoothed" in rows:
                whole["scaling"].append(scaling(column, criterion))
        own = {"column": column, "row": row, "ece_own": 0.1, "ece_gold": 0.02, "difference": 0.08, "low": 0.07}
        whole["own_output"].append(own | {"high": 0.0925, "p_value": 0.0005, "n_seeds": n})
    if "smoothed" in rows:
        difference = [planted("hard", "nll", one, 2) - planted("smoothed", "nll", one, 2) for one in GRID]
        found = band(column, "hard", "nll", difference, 0.03) | {"to": "smoothed", "kind": "to_row"}
        whole["curve_differences"].append(found)


def band(column, row, quantity, middle, half):
    found = {"column": column, "row": row, "quantity": quantity, "temperatures": list(GRID), "estimate": middle}
    return found | {"low": [value - half for value in middle], "high": [value + half for value in middle]}


def scaling(column, criterion):
    temperature = BEST["hard"] * (1.0 if criterion == "ece_all" else 1.04)
    bleu, start = planted("hard", "bleu", temperature, 2), planted("hard", "bleu", 1.0, 2)
    gap = planted("smoothed", "bleu", 1.0, 2) - start
    found = {"column": column, "row": "hard", "to": "smoothed", "fit": criterion, "temperature": temperature}
    found |= {"bleu": bleu, "closed": (bleu - start) / gap, "low": 0.02, "high": 0.4, "n_seeds": 3}
    for name, value in (("gap", gap), ("gain", bleu - start), ("remaining", gap - bleu + start)):
        found |= {name: value, f"{name}_low": value - 0.3, f"{name}_high": value + 0.3}
    return found


def intervals(column, row, n):
    """95 % intervals of the scalars of a row."""
    best = BEST[row]
    values = {metric: planted(row, metric, 1.0, 2) for metric in ("bleu", "nll", "ece")}
    values |= {"debiased_ece": values["ece"] - 0.004, "scaled_ece": planted(row, "ece", best, 2)}
    values["held_out_ece"] = values["scaled_ece"] + 0.002
    half = {"bleu": 0.3, "nll": 0.02}
    return [
        {"column": column, "row": row, "metric": metric, "estimate": value, "n_seeds": n, "n_sentences": 480}
        | {"low": value - half.get(metric, 0.004), "high": value + half.get(metric, 0.004)}
        for metric, value in values.items()
    ]


def compared(column, row, metric, difference, half=0.01, to="hard", n=3):
    """An entry of `comparisons`."""
    found = {"column": column, "row": row, "to": to, "metric": metric, "split": "valid", "difference": difference}
    found |= {"low": difference - half, "high": difference + half, "p_value": 0.25, "n_seeds": n, "seeds": [1, 2, 3]}
    return found | {"n_sentences": 480, "n_replicates": 1000}

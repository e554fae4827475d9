"""Small collected tables for the tests of figures, with made-up numbers, so that a test can plant what it looks for."""

from matplotlib.text import Text

SIGNATURE = "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:2.6.0"
NOTE = "demo scale: small models on embedded software texts; not a reproduction of the papers' absolute numbers"


def run_entry(skew=None, strength=0.0, *, column="one", seed=1, model="transformer", row=None, **changes):
    """A finished run; `changes` replace its keys, `valid` adds measures on the validation split."""
    valid = {"entropy_normalized": 0.5, "bleu": 20.0, "bleu_signature": SIGNATURE, "reference_rank": 40.0}
    valid |= {"log_rest": -8.0, "vocabulary_size": 1616, "n_tokens": 100, "confidence_histogram": [5] * 20}
    valid |= changes.pop("valid", {})
    baseline = changes.pop("baseline", None if skew is None else "uniform")
    name = f"{column}/{model}/{baseline}-skew{skew}-strength{strength:g}/seed{seed}"
    run = {"row": row, "column": column, "task": column, "run": name, "model": model, "seed": seed, "skew": skew}
    run |= {"strength": strength, "smoothing": strength / (1 + strength) if skew == 1 else None, "baseline": baseline}
    run |= {"generator": None if skew is None else "entropy", "wanted_entropy": None, "trial": None}
    run |= {
        "predicted_entropy": 0.4 if skew is not None else 0.0,
        "predicted_log_floor": None if skew is None else -8.5,
    }
    return run | {"status": "done", "reason": None, "measures": {"valid": valid, "test": None}} | changes


def missing_entry(*arguments, reason="no record yet", **changes):
    """A run that is not there."""
    absent = {"predicted_entropy": None, "predicted_log_floor": None, "measures": None}
    return run_entry(*arguments, **changes) | absent | {"status": "missing", "reason": reason}


def table(artefact, rows, columns=("one",), **changes):
    """A collected table with those runs; a column 'one' has the title 'Data one'."""
    described = [{"task": task, "title": f"Data {task}", "published_as": None} for task in columns]
    whole = {"artefact": artefact, "title": artefact, "scale": "demo", "scale_note": NOTE, "columns": described}
    return whole | {"claims_sha256": "0" * 64, "rows": rows, "comparisons": []} | changes


def words_of(figure):
    """All texts of a figure, as one line."""
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))


def points_of(axes):
    """The points of all scatters that have a group id, sorted."""
    groups = [group for group in axes.collections if group.get_gid()]
    return sorted(tuple(point) for group in groups for point in group.get_offsets().tolist())


def stays_on_the_page(figure):
    """Whether nothing of the figure leaves its page."""
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height

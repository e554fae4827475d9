"""Converts between rows and the nested `measures` that most readers still take; it goes when the last reads rows.

`TEXT` and `IMAGES` say where each number stands in the nested form, and which row it is. '{split}' and the like stand
for a key, which the split or place of the row takes over. Curves are maps by place before that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from entropyreg.io.errors import UserError
from entropyreg.measuring.rows import Number, Row, at, places_of

Measures = dict[str, Any]
KEYS = {  # which keys a name in braces stands for; others for any text
    "split": "valid|test",
    "any": "train|valid|test",
    "criterion": "ece|nll",
    "fit": "(?:ece|nll)_(?:all|half)",
    "name": r"\w+",
    "curve": r"draws=\d+;variance=\w+;sample=\w+",
}
SIGNED = {"bleu": "bleu", "bleu_as_published": "bleu_as_published", "rouge1": "rouge"}  # measure: whose signature
CURVES = ("bleu", "bleu_as_published", "ece", "nll")  # over the temperatures of text
CURVE = ("draws", "variance", "sample")  # what tells curves of mutual information apart
IN_LISTS = ("/{bin}", "/{temperature}", "/{update}")
BARS = ("count", "confidence", "accuracy")
CALIBRATION = ("ece", "debiased_ece", "smooth_ece", "nll", "brier")


class Place(NamedTuple):
    """Where a column of a row stands in the nested form."""

    path: str
    split: str
    measure: str
    at: str = ""
    column: str = "value"


def with_interval(path: str, split: str, measure: str) -> list[Place]:
    return [
        Place(path + end, split, measure, column=column)
        for end, column in (("", "value"), ("_low", "low"), ("_high", "high"))
    ]


def diagram(path: str, split: str, where: str = "") -> list[Place]:
    return [Place(f"{path}/{one}/{{bin}}", split, one, f"{where}bin={{bin}}") for one in BARS]


T, FIT = "{split}/temperatures", "temperatures/fits/{criterion}"
TEXT = [
    Place("{split}/confidence_histogram/{bin}", "{split}", "confidence_histogram", "bin={bin}"),
    Place("{split}/entropy_normalized_own_prefix", "{split}", "entropy_normalized", "prefix=own"),
    Place("{split}/entropy_normalized_beam", "{split}", "entropy_normalized", "prefix=beam"),
    Place("{split}/own_confidence", "{split}", "confidence", "prefix=own"),
    *(
        Place(f"{{split}}/share_below_{threshold}{end}", "{split}", "share_below", f"threshold={where}", column)
        for threshold, where in (("e{exponent}", "e^{exponent}"), ("floor_x{factor}", "{factor}*floor"))
        for end, column in (("", "value"), ("_standard_error", "standard_error"))
    ),
    *(
        Place(f"{{split}}/beam_sizes/{{beam}}/{name}", "{split}", name, "beam={beam}")
        for name in ("n_sentences", "bleu", "bleu_as_published", "rouge1", "rouge2", "rouge_l")
    ),
    *(Place(f"{T}/{name}/{{temperature}}", "{split}", name, "temperature={temperature}") for name in CURVES),
    Place(f"{T}/n_sentences", "{split}", "n_sentences_decoded"),
    Place(f"{T}/n_calibration_sentences", "{split}", "n_sentences_calibrated"),
    Place(f"{T}/n_tokens", "{split}", "n_tokens_calibrated"),
    *(
        Place(f"{T}/{name}", "{split}", name)
        for name in ("debiased_ece", "smooth_ece", "calibrated_ece", "calibrated_ece_upper")
    ),
    *diagram(f"{T}/reliability", "{split}"),
    *diagram(f"{T}/reliability_scaled", "{split}", "fit=ece_all;"),
    *(
        Place(f"{T}/own/{name}", "{split}", name, "output=own")
        for name in ("n_tokens", "accuracy", "confidence", "ece")
    ),
    *diagram(f"{T}/own/reliability", "{split}", "output=own;"),
    *(
        Place(f"{{split}}/{FIT}_{part}/{name}", "{split}", measure, f"fit={{criterion}}_{part}")
        for part in ("all", "half")
        for name, measure in (("temperature", "temperature"), ("at_bound", "temperature_at_bound"))
    ),
    *(Place(f"{{split}}/{FIT}_all/{name}", "{split}", name, "fit={criterion}_all") for name in ("bleu", "ece", "nll")),
    *(Place(f"valid/{FIT}_half/{name}", "valid", name, "fit={criterion}_half;on=chosen") for name in ("ece", "nll")),
    *(Place(f"test/{FIT}_half/{name}", "test", name, "fit={criterion}_half") for name in ("ece", "nll")),
    *(
        Place(f"{{split}}/{FIT}_half/held_out_{name}", "{split}", name, "fit={criterion}_half;on=held_out")
        for name in ("ece", "nll")
    ),
    Place("valid/training_accuracy", "train", "accuracy"),
    *(Place(f"valid/clusters/{{any}}/{name}", "{any}", name) for name in ("n_examples", "n_words")),
    *(
        place
        for name in ("scatter_ratio", "distance_variation")
        for place in with_interval(f"valid/clusters/{{any}}/{name}", "{any}", name)
    ),
    Place("", "{split}", "ece"),  # also at temperature=1
    Place("{split}/{name}", "{split}", "{name}"),  # any other
]  # fmt: skip
INFORMATION = "mutual_information/curves/{curve}"
IMAGES = [
    *(
        Place(f"calibration/{{split}}/{name}", "{split}", name)
        for name in (*CALIBRATION[:3], "squared_calibration_error", "calibrated_ece", "calibrated_ece_upper")
    ),
    *diagram("calibration/{split}/bins", "{split}"),
    Place("temperature/{fit}/temperature", "valid", "temperature", "fit={fit}"),
    Place("temperature/{fit}/at_bound", "valid", "temperature_at_bound", "fit={fit}"),
    *(Place(f"temperature/{{fit}}/{{split}}/{name}", "{split}", name, "fit={fit}") for name in CALIBRATION),
    *(
        Place(f"temperature/{{fit}}/held_out/{name}", "valid", name, "fit={fit};on=held_out") for name in CALIBRATION
    ),
    *diagram("temperature/{fit}/{split}/bins", "{split}", "fit={fit};"),
    Place("clusters/{any}/n_images", "{any}", "n_examples"),
    *(
        place
        for name in ("scatter_ratio", "distance_variation", "logit_distance_correlation")
        for place in with_interval(f"clusters/{{any}}/{name}", "{any}", name)
    ),
    Place("information_loss/confidence_variance", "train", "confidence_variance"),
    *with_interval("information_loss/similarity_correlation", "train", "similarity_correlation"),
    Place("teaching/equivalent_smoothing", "train", "equivalent_smoothing"),
    *(
        Place(f"teacher/{name}", "train", f"teacher_{name}")
        for name in ("seed", "temperature", "accuracy", "entropy_normalized", "equivalent_smoothing")
    ),
    *(Place(f"learning/valid_{name}/{{update}}", "valid", name, "update={update}") for name in ("accuracy", "nll")),
    Place("mutual_information/n_inputs", "train", "n_inputs"),
    Place("mutual_information/upper_bound", "train", "mutual_information_bound"),
    *(
        Place(f"{INFORMATION}/{path}/{{update}}", "train", "mutual_information", f"{{curve}};{half}update={{update}}")
        for path, half in (("values", ""), ("halves/{half}", "half={half};"))
    ),
    *(
        Place(f"{INFORMATION}/{name}", "train", f"mutual_information_{name}", "{curve}")
        for name in ("final", "slope", "peak", "peak_update")
    ),
    Place("scores/{any}/{name}", "{any}", "{name}"),  # any other
]  # fmt: skip


PLACES = {"text": TEXT, "images": IMAGES}


def rows_of(record: Mapping[str, Any]) -> list[Row]:
    """The rows of a record; raises `UserError` for a number in it that is of no declared measure."""
    if "seeds" in record:
        seeds = record["measures"].items()
        return [row for seed, own in seeds for row in rows_of_seed(int(seed), image_maps(own), "images")]
    rows = rows_of_seed(record["seed"], text_maps(record["measures"]), "text")
    as_it_is = [row._replace(at="") for row in rows if (row.measure, row.at) == ("ece", "temperature=1")]
    return rows + as_it_is  # so the ECE of a translation model is where that of an image network is


def rows_of_seed(seed: int, measures: Measures, kind: str) -> list[Row]:
    found: dict[tuple[str, ...], dict[str, Number]] = {}
    for path, value in leaves(measures):
        key, column = row_at(kind, path)
        found.setdefault(key, {})[column] = value
    return [Row(seed, *key, **columns) for key, columns in found.items()]


@cache
def row_at(kind: str, path: str) -> tuple[tuple[str, ...], str]:
    """(split, measure, at) of the row, and the column, that a path of the nested form is."""
    for place in PLACES[kind]:
        if match := pattern(place.path).fullmatch(path):
            return tuple(part.format(**match.groupdict()) for part in place[1:4]), place.column
    raise UserError(f"measures.{path.replace('/', '.')} is of no declared measure.")


@cache
def pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    names = [f"(?P<{name}>{KEYS.get(name, '[^;/_]+')})" for name in parts[1::2]]
    literals = map(re.escape, parts[::2])
    return re.compile("".join(part for pair in zip(literals, [*names, ""], strict=True) for part in pair))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Number]]:
    """('valid/reliability/count/3', 12): every number of nested maps and lists."""
    if not isinstance(value, Mapping | list):
        yield path, value
        return
    for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from leaves(part, f"{path}/{key}" if path else str(key))


def text_maps(measures: Measures) -> Measures:
    """The measures of text without texts and drawn points, and with curves as maps by temperature."""
    found = {}
    for split, own in measures.items():
        own = without(own, "projection")
        for group in ("clusters", "training_accuracy"):
            if own.get(group, ...) is None:
                del own[group]
        if "clusters" in own:
            own["clusters"] = measured_clusters(own["clusters"])
        if "beam_sizes" in own:
            own["beam_sizes"] = {beam: without(one) for beam, one in own["beam_sizes"].items()}
        if "temperatures" in own:
            swept = without(own["temperatures"], "beam", "temperatures")
            labels = [at(temperature=one).partition("=")[2] for one in own["temperatures"]["temperatures"]]
            swept |= {name: dict(zip(labels, swept[name], strict=True)) for name in CURVES if name in swept}
            own["temperatures"] = swept
        found[split] = own
    return found


def without(measures: Measures, *names: str) -> Measures:
    """A copy without some names, and without signatures."""
    return {name: one for name, one in measures.items() if name not in names and not name.endswith("_signature")}


def measured_clusters(clusters: Measures) -> Measures:
    """Splits without enough examples for clusters, which are null, with a null scatter ratio."""
    return {split: {"scatter_ratio": None} if own is None else own for split, own in clusters.items()}


def image_maps(measures: Measures) -> Measures:
    """The measures of images without texts, drawn points and what stands in two groups, and with curves as maps."""
    own = {name: one for name, one in measures.items() if name != "projection"}
    if "calibration" in own:  # NLL and Brier score are those of the scores
        own["calibration"] = {split: without(one, "nll", "brier") for split, one in own["calibration"].items()}
    if "teaching" in own:  # and accuracy and entropy those of the training images
        own["teaching"] = without(own["teaching"], "accuracy", "entropy_normalized")
    if "clusters" in own:
        own["clusters"] = measured_clusters(own["clusters"])
    if "learning" in own:
        updates = own["learning"]["updates"]
        own["learning"] = {
            name: dict(zip(updates, values, strict=True))
            for name, values in without(own["learning"], "updates").items()
        }
    if "mutual_information" in own:
        updates, curves = own["mutual_information"]["updates"], {}
        for curve in own["mutual_information"]["curves"]:
            one = without(curve, *CURVE) | {"values": dict(zip(updates, curve["values"], strict=True))}
            if "halves" in one:
                halves = enumerate(one["halves"], start=1)
                one["halves"] = {number: dict(zip(updates, half["values"], strict=True)) for number, half in halves}
            curves[at(**{key: curve[key] for key in CURVE})] = one
        own["mutual_information"] = without(own["mutual_information"], "classes", "updates") | {"curves": curves}
    return own


def measures_of(about: Mapping[str, Any], rows: Iterable[Row], projection: Mapping[str, Any]) -> Measures:
    """The nested measures again: of `run.json`, `measures.csv` and `projection.json`."""
    by_seed: dict[int, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(row.seed, []).append(row)
    if "seeds" not in about:
        (own,) = by_seed.values()
        return text_measures(about, own, projection.get(str(about["seed"])))
    found = {str(seed): image_measures(about, own) for seed, own in by_seed.items()}
    for seed, shown in projection.items():
        found[seed]["projection"] = shown
    return found


def maps_of(rows: Iterable[Row], kind: str) -> Measures:
    """Rows at their places in the nested form; what is at bins, temperatures and updates are lists in their order."""
    found: Measures = {}
    for row in rows:
        for column, (*path, last), is_list in paths_of(kind, row.split, row.measure, row.at):
            value = getattr(row, column)
            if value is None and row.value is not None:
                continue
            group = found
            for number, key in enumerate(path, start=1):
                group = group.setdefault(key, [] if is_list and number == len(path) else {})
            if is_list:
                group.append(value)
            else:
                group[last] = value
    return found


@cache
def paths_of(kind: str, split: str, measure: str, at: str) -> list[tuple[str, list[str], bool]]:
    """Where the columns of a row stand: (column, keys on the way there, whether the last is a place in a list)."""
    own = [place for place in PLACES[kind] if place.measure == measure]
    for places in (own, PLACES[kind][-1:]):
        tried = [(place, pattern(f"{place.split} {place.at}").fullmatch(f"{split} {at}")) for place in places]
        if found := [(place, match.groupdict()) for place, match in tried if match]:
            break
    return [
        (place.column, place.path.format(**keys, name=measure).split("/"), place.path.endswith(IN_LISTS))
        for place, keys in found
        if place.path
    ]


def text_measures(about: Mapping[str, Any], rows: list[Row], projection: list | None) -> Measures:
    found = maps_of(rows, "text")
    signatures = about["signatures"]
    for split in found:
        own = found[split]
        for group in (own, *own.get("beam_sizes", {}).values(), own.get("temperatures", {})):
            signed = {f"{name}_signature" for measure, name in SIGNED.items() if measure in group}
            group.update({name: signatures[name] for name in signed if name in signatures})
        if "temperatures" not in own:
            continue
        ats = dict.fromkeys(row.at for row in rows if row.split == split and row.at.startswith("temperature="))
        own["temperatures"] |= {
            "temperatures": [float(places_of(one)["temperature"]) for one in ats],
            "beam": about["decoding"][split]["beam"],
        }
        if split == "valid":
            own.setdefault("training_accuracy", None)
            own.setdefault("clusters", None if projection is None else {})
            own["projection"] = projection
            null_clusters(own)
    return found


def some(measures: Measures, *names: str) -> Measures:
    return {name: measures[name] for name in names if name in measures}


def null_clusters(measures: Measures) -> None:
    """Splits whose scatter ratio is null had too few examples for clusters."""
    clusters = measures.get("clusters") or {}
    clusters.update(dict.fromkeys(one for one in clusters if clusters[one].get("scatter_ratio", 0) is None))


def image_measures(about: Mapping[str, Any], rows: list[Row]) -> Measures:
    found = maps_of(rows, "images")
    for split, own in found.get("calibration", {}).items():
        own.update(some(found["scores"][split], "nll", "brier"))
    if "teaching" in found:
        found["teaching"] |= some(found["scores"]["train"], "accuracy", "entropy_normalized")
    null_clusters(found)
    if "learning" in found:
        found["learning"]["updates"] = updates_of(rows, "accuracy")
    if "mutual_information" in found:
        curves = []
        for name, curve in found["mutual_information"]["curves"].items():
            if "halves" in curve:
                curve["halves"] = [{"values": half} for half in curve["halves"].values()]
            told = places_of(name)
            curves.append({**curve, **told, "draws": int(told["draws"])})
        updates, classes = updates_of(rows, "mutual_information"), about["mutual_information_classes"]
        found["mutual_information"] |= {"curves": curves, "updates": updates, "classes": classes}
    return found


def updates_of(rows: Iterable[Row], measure: str) -> list[int]:
    """The updates at which a measure was taken."""
    places = (places_of(row.at) for row in rows if row.measure == measure)
    return list(dict.fromkeys(int(one["update"]) for one in places if "update" in one))

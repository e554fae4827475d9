"""Hard against smoothed networks on images: B1-B4, B10, B11, B19, B20, B21.

Accuracy and ECE have statistics of every image, and images are resampled with the seeds. Of the measures of the
penultimate layer a record keeps one value a seed, with its interval over images where that was measured.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scipy.stats import norm

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.quantities import tokens
from entropyreg.comparing.claims.quantities.shared import POINTS, arm, contrast, n_seeds, points_of_sums, seed_contrast
from entropyreg.comparing.claims.records import NotTested, Row
from entropyreg.measures.calibration import debiased_ece_of_sums, ece_of_sums

ACCURACY, CALIBRATION = ("b_table_accuracy",), ("b_table_calibration",)
CALIBRATED = (*tokens.TEMPERATURE, *CALIBRATION)  # of tokens, of images
CLUSTERS, TEACHERS, MNIST = ("b_figure_projection",), ("b_table_teachers",), ("b_table_distillation_mnist",)
SMOOTHING = 0.1  # of the declared smoothed arm
SMOOTHED_MINUS_HARD = {"smoothed": 1.0, "hard": -1.0}
TWO_SIDED = 2 * norm.isf(0.025)  # width of a 95 % interval in standard errors


def hard_and_smoothed(case: Case, artefacts: Sequence[str]) -> dict[str, list[Row]]:
    """The hard arm and that of smoothing .1."""
    smoothed = [row for row in arm(case, artefacts, "smoothed") if is_amount(row["smoothing"], SMOOTHING)]
    if not smoothed:
        raise NotTested(f"no run of smoothing {SMOOTHING} of {case.filler.task} in {artefacts[0]}")
    return {"hard": arm(case, artefacts, "hard"), "smoothed": smoothed}


def is_amount(value: float | None, wanted: float) -> bool:
    return value is not None and abs(value - wanted) < 1e-6


def image_contrast(
    case: Case, arms: Mapping[str, Sequence[Row]], weights: Mapping[str, float], metrics: Mapping[str, str]
) -> Evidence:
    """A contrast of arms, of which each is one run; `metrics` by arm (accuracy, ece, debiased_ece, scaled_ece)."""
    statistics = {
        name: case.records.images(arms[name], case.split, metrics[name].replace("debiased_", "")) for name in weights
    }
    metric = next(iter(metrics.values()))
    if metric == "accuracy":
        score: Any = points_of_sums
    else:
        score = debiased_ece_of_sums if "debiased" in metric else ece_of_sums
    return contrast(case, [(weight, statistics[name]) for name, weight in weights.items()], score, metric)


def accuracy(case: Case) -> Plan:
    """B1."""
    arms = hard_and_smoothed(case, ACCURACY)
    metrics = dict.fromkeys(arms, "accuracy")
    return Plan({"seeds": n_seeds(arms)}, lambda: {None: image_contrast(case, arms, SMOOTHED_MINUS_HARD, metrics)})


def calibration_error(case: Case) -> Plan:
    """B2: debiased ECE at temperature 1, of images and of tokens."""
    if tokens.of_text(case):
        return tokens.calibration_error(case)
    arms = hard_and_smoothed(case, CALIBRATION)
    metrics = dict.fromkeys(arms, "debiased_ece")
    return Plan(counted(case, arms), lambda: {None: image_contrast(case, arms, SMOOTHED_MINUS_HARD, metrics)})


def against_temperature_scaling(case: Case) -> Plan:
    """B3: ECE of the smoothed network, amount chosen on validation, minus the hard one's at its best temperature."""
    if tokens.of_text(case):
        return tokens.against_temperature_scaling(case)
    smoothed = [row for row in arm(case, CALIBRATION, "smoothed") if row["selected"] is not False]
    arms = {"hard": arm(case, CALIBRATION, "hard"), "smoothed": smoothed}
    metrics = {"hard": "scaled_ece", "smoothed": "ece"}
    remark = f"smoothing {smoothed[0]['smoothing']:g}: least ECE on validation"
    return Plan(
        counted(case, arms), lambda: {None: image_contrast(case, arms, SMOOTHED_MINUS_HARD, metrics)}, (remark,)
    )


def best_temperature(case: Case) -> Plan:
    """B4: the temperature of least validation ECE."""
    if tokens.of_text(case):
        return tokens.best_temperature(case)
    arms = {"hard": arm(case, CALIBRATION, "hard")}
    return Plan(
        {"seeds": n_seeds(arms), "tokens": arms["hard"][0]["measures"]["scores"]["valid"]["n_images"]},
        lambda: {
            None: seed_contrast(
                case, arms, {"hard": 1.0}, lambda row: row["measures"]["temperature"]["ece_all"]["temperature"]
            )
        },
    )


def counted(case: Case, arms: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Seeds, and predictions that the ECE is measured on."""
    scores = arms["hard"][0]["measures"]["scores"]
    if case.split not in scores:
        raise NotTested(f"'hard' of {case.filler.task} is not predicted on {case.split}")
    return {"seeds": n_seeds(arms), "tokens": scores[case.split]["n_images"]}


def clusters(names: Mapping[str | None, tuple[str, str, Mapping[str, float]]]) -> Callable[[Case], Plan]:
    """By part: a measure of the clusters, its split, and the weights of the arms."""

    def plan(case: Case) -> Plan:
        arms = hard_and_smoothed(case, CLUSTERS)

        def evidence() -> dict[str | None, Evidence]:
            return {part: cluster_contrast(case, arms, *one) for part, one in names.items()}

        return Plan({"seeds": n_seeds(arms)}, evidence)

    return plan


def cluster_contrast(
    case: Case, arms: Mapping[str, Sequence[Row]], name: str, split: str, weights: Mapping[str, float]
) -> Evidence:
    """A contrast of a measure of the clusters, with the spread over images that its interval tells."""

    def of_split(row: Row) -> Mapping[str, float]:
        found = row["measures"]["clusters"].get(split)
        if found is None or found.get(name) is None:
            raise NotTested(f"{row['run']} has no {name} on {split}")
        return found

    def spread(row: Row) -> float:
        return (of_split(row)[f"{name}_high"] - of_split(row)[f"{name}_low"]) / TWO_SIDED

    return seed_contrast(case, arms, weights, lambda row: of_split(row)[name], spread)


def information_lost(case: Case) -> Plan:
    """B21: variance of the correct-class confidence within a class, and correlation with the class similarity."""
    teachers = case.records.rows(TEACHERS, case.filler, case.model)
    smoothed = [row for row in teachers if is_amount(row["smoothing"], SMOOTHING) and row["teacher"] is None]
    if not smoothed:
        amounts = sorted({row["smoothing"] for row in teachers if row["smoothing"]})
        raise NotTested(f"no teacher of smoothing {SMOOTHING} (there are: {', '.join(f'{one:g}' for one in amounts)})")
    arms = {"hard": arm(case, TEACHERS, "teacher_hard"), "smoothed": smoothed}
    case.records.use(*(row["run"] for row in smoothed))

    def evidence() -> dict[str | None, Evidence]:
        def variance(row: Row) -> float:
            return row["measures"]["information_loss"]["confidence_variance"]

        def similarity(row: Row) -> float:
            return row["measures"]["information_loss"]["similarity_correlation"]

        def spread(row: Row) -> float:
            found = row["measures"]["information_loss"]
            return (found["similarity_correlation_high"] - found["similarity_correlation_low"]) / TWO_SIDED

        return {
            "confidence_variance": seed_contrast(case, arms, SMOOTHED_MINUS_HARD, variance),
            "class_similarity": seed_contrast(case, arms, SMOOTHED_MINUS_HARD, similarity, spread),
        }

    return Plan({"seeds": n_seeds(arms)}, evidence)


def teacher_and_student(case: Case) -> Plan:
    """B19: main effect of smoothing in the 2 x 2 of dropout and smoothing, on the error of teachers and of students."""
    kinds = ("hard", "hard_dropout", "smoothed", "smoothed_dropout")
    arms = {f"{who}{kind}": arm(case, MNIST, f"{who}{kind}") for who in ("teacher_", "student_of_") for kind in kinds}
    halves = {"hard": -0.5, "hard_dropout": -0.5, "smoothed": 0.5, "smoothed_dropout": 0.5}
    metrics = dict.fromkeys(arms, "accuracy")

    def evidence() -> dict[str | None, Evidence]:
        # error of the hard teacher minus the smoothed one's is accuracy of the smoothed minus the hard one's
        teacher = {f"teacher_{kind}": weight for kind, weight in halves.items()}
        student = {f"student_of_{kind}": -weight for kind, weight in halves.items()}
        return {
            "teacher": image_contrast(case, arms, teacher, metrics).with_remarks(
                papers_pair=errors(arms, "teacher_hard_dropout", "teacher_smoothed")
            ),
            "student": image_contrast(case, arms, student, metrics).with_remarks(
                papers_pair=errors(arms, "student_of_hard_dropout", "student_of_smoothed")
            ),
        }

    return Plan({"seeds": n_seeds(arms)}, evidence)


def errors(arms: Mapping[str, Sequence[Row]], *names: str) -> dict[str, float]:
    """Mean test error in points: the paper's pair, which confounds dropout and smoothing."""
    return {
        name: POINTS * sum(row["measures"]["scores"]["test"]["error"] for row in arms[name]) / len(arms[name])
        for name in names
    }


EVALUATORS = {
    "accuracy, smoothing 0.1 minus 0": Evaluator(ACCURACY, accuracy),
    "debiased ECE at temperature 1, smoothed minus hard": Evaluator(CALIBRATED, calibration_error),
    "ECE, smoothed at temperature 1 minus hard at its best temperature, both chosen on validation": Evaluator(
        CALIBRATED, against_temperature_scaling
    ),
    "best temperature of the hard model": Evaluator(CALIBRATED, best_temperature),
    "within-class over between-class scatter (NC1), smoothed minus hard": Evaluator(
        CLUSTERS,
        clusters({
            "training": ("scatter_ratio", "train", SMOOTHED_MINUS_HARD),
            "validation": ("scatter_ratio", "valid", SMOOTHED_MINUS_HARD),
        }),
    ),
    "coefficient of variation of an example's distances to the wrong templates, smoothed minus hard": Evaluator(
        CLUSTERS, clusters({None: ("distance_variation", "valid", SMOOTHED_MINUS_HARD)})
    ),
    "test error of teacher and student, smoothed against hard teacher": Evaluator(
        MNIST, teacher_and_student, unit="task"
    ),
    "Spearman correlation over classes of logit and minus distance to the template, mean over examples": Evaluator(
        CLUSTERS,
        clusters({
            "hard": ("logit_distance_correlation", "valid", {"hard": 1.0}),
            "smoothed": ("logit_distance_correlation", "valid", {"smoothed": 1.0}),
        }),
    ),
    "smoothed minus hard": Evaluator(TEACHERS, information_lost, unit="task"),
}  # fmt: skip

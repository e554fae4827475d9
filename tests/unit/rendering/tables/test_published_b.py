"""The numbers of paper B and of its replication: exact, complete, and nothing else."""

import pytest
import yaml

from entropyreg.rendering.published import FOLDER, lookup, published_numbers

AMOUNTS = ("0.05", "0.1", "0.15", "0.3")
SURVEY = {  # (data set, metric): without smoothing, with, with unigram smoothing
    ("imagenet_inception_v2", "top1_error_percent"): (23.1, 22.8, None),
    ("imagenet_inception_v2", "top5_error_percent"): (6.3, 6.1, None),
    ("wmt_en_de", "bleu"): (25.3, 25.8, None),
    ("wmt_en_de", "perplexity"): (4.67, 4.92, None),
    ("wsj", "wer_percent"): (8.9, 7.0, 6.7),
}
ACCURACY = {  # hard, its plus-minus, smoothed, its plus-minus
    "cifar10_alexnet": (86.8, 0.2, 86.7, 0.3),
    "cifar100_resnet56": (72.1, 0.3, 72.7, 0.3),
    "imagenet_inception_v4": (80.9, None, 80.9, None),
}
CALIBRATION = {  # ECE hard; scaled, T; smoothed, amount
    "cifar100_resnet56": (0.15, 0.021, 1.9, 0.024, 0.05),
    "imagenet_inception_v4": (0.071, 0.022, 1.4, 0.035, 0.1),
    "wmt_en_de": (0.056, 0.018, 1.13, 0.019, 0.1),
}
ERRORS = {  # of MNIST: paper, replication
    "teacher_hard_dropout": (0.67, 0.81),
    "teacher_smoothed": (0.59, 0.69),
    "student_of_hard_dropout": (0.74, 0.93),
    "student_of_smoothed": (0.91, 1.05),
}
ACCURACY_AGAIN = {  # replication, amounts 0, .05, .1, .15, .3
    "mnist_mlp": (99.06, 99.33, 99.31, 99.24, 99.13),
    "emnist_mlp": (88.79, 89.11, 89.35, 89.19, 88.88),
    "fashion_mnist_mlp": (91.01, 90.66, 90.45, 90.59, 90.37),
    "cifar10_alexnet": (85.01, 85.13, 85.47, 84.83, 86.02),
    "cifar10_resnet56": (93.59, 93.62, 93.33, 93.55, 93.53),
    "cifar100_resnet56": (71.61, 71.99, 72.07, 71.74, 71.75),
    "cub_resnet34": (77.75, 80.38, 80.48, 81.12, 80.77),
    "tiny_imagenet_resnet50": (72.2, 72.65, 72.3, 72.28, 72.75),
}
CALIBRATION_AGAIN = {  # replication: ECE scaled, T, ECE of amounts 0, .05, .1, .15, .3
    "mnist_mlp": (0.001, 1.06, 0.002, 0.056, 0.102, 0.147, 0.281),
    "emnist_mlp": (0.008, 1.14, 0.017, 0.056, 0.108, 0.154, 0.288),
    "fashion_mnist_mlp": (0.008, 1.1, 0.01, 0.042, 0.085, 0.128, 0.252),
    "cifar10_alexnet": (0.012, 2.5, 0.097, 0.026, 0.048, 0.087, 0.221),
    "cifar10_resnet56": (0.006, 3.1, 0.049, 0.028, 0.065, 0.102, 0.222),
    "cifar100_resnet56": (0.029, 2.9, 0.207, 0.053, 0.043, 0.045, 0.12),
    "cub_resnet34": (0.013, 1.4, 0.082, 0.159, 0.235, 0.286, 0.4),
    "tiny_imagenet_resnet50": (0.013, 1.7, 0.15, 0.06, 0.045, 0.054, 0.166),
    "multi30k_transformer": (0.058, 1.8, 0.449, 0.475, 0.372, 0.222, 0.11),
}


def expected():
    """Every number by its whole key."""
    found = {}
    for (name, metric), values in SURVEY.items():
        rows = ("without_smoothing", "with_smoothing", "with_unigram_smoothing")
        found |= {("B", "b_table_survey", row, name, metric): value for row, value in zip(rows, values, strict=True)}
    for name, values in ACCURACY.items():
        keys = [(row, f"accuracy_percent{end}") for row in ("hard", "smoothed") for end in ("", "_error")]
        found |= {("B", "b_table_accuracy", k[0], name, k[1]): v for k, v in zip(keys, values, strict=True)}
    keys = [("hard", "ece"), ("hard_scaled", "ece"), ("hard_scaled", "temperature")]
    for name, values in CALIBRATION.items():
        all_keys = [*keys, ("smoothed", "ece"), ("smoothed", "smoothing")]
        found |= {("B", "b_table_calibration", *(k[0], name, k[1])): v for k, v in zip(all_keys, values, strict=True)}
    for row, values in ERRORS.items():
        for source, value in zip(("B", "ReScience"), values, strict=True):
            found[source, "b_table_distillation_mnist", row, "mnist_mlp", "error_percent"] = value
    for name, values in ACCURACY_AGAIN.items():
        for row, value in zip(
            ("hard", "smoothed_0.05", "smoothed", "smoothed_0.15", "smoothed_0.3"), values, strict=True
        ):
            found["ReScience", "b_table_accuracy", row, name, "accuracy_percent"] = value
    for name, values in CALIBRATION_AGAIN.items():
        all_keys = [*keys[1:], keys[0], *((f"smoothed_{amount}", "ece") for amount in AMOUNTS)]
        for (row, metric), value in zip(all_keys, values, strict=True):
            found["ReScience", "b_table_calibration", row, name, metric] = value
    return {key: value for key, value in found.items() if value is not None}


def test_every_number_is_exact_and_there_is_nothing_else():
    numbers = {key: one.value for key, one in published_numbers().numbers.items() if key[0] in ("B", "ReScience")}
    assert numbers == expected()


def test_trailing_zeros_are_kept_as_printed():
    def printed(*key):
        return published_numbers().find(*key).printed

    assert printed("B", "b_table_calibration", "hard", "cifar100_resnet56", "ece") == "0.150"
    assert printed("B", "b_table_survey", "with_smoothing", "wsj", "wer_percent") == "7.0"
    key = ("ReScience", "b_table_accuracy", "hard", "tiny_imagenet_resnet50", "accuracy_percent")
    assert printed(*key) == "72.20" and lookup(*key) == 72.2


def test_a_source_names_where_it_was_read():
    certainties = {(one.paper, one.certainty) for one in published_numbers().numbers.values() if one.paper != "A"}
    assert certainties == {("B", "full text, arXiv 1906.02629 v3"), ("ReScience", "repository of the replication")}


@pytest.mark.parametrize("name", ["paper_b", "rescience"])
def test_both_files_give_a_network_one_title(name):
    titles = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["data_sets"]
    assert {key: published_numbers().data_sets[key] for key in titles} == titles

"""Every measure that a run's rows may have, declared once: unit, how it is written, what it means, which way is better.

A measure is taken at a place on a curve, if not of the model as it is: BLEU at `beam=5`, the ECE at `fit=ece_all`, the
accuracy in `bin=3`. The name says what is measured, never where.
"""

from typing import NamedTuple


class Measure(NamedTuple):
    """unit: "" for shares and counts.    form: as in `format`.    better: "higher", "lower", or "" for neither."""

    name: str
    meaning: str
    unit: str = ""
    form: str = ".4f"
    better: str = ""
    source: str = ""


MULLER, MEISTER = "Müller et al. 2019", "Meister et al. 2020"
DECLARED = (
    Measure("n_sentences", "sentences that were decoded and scored", form="d"),
    Measure(
        "n_tokens", "target tokens, ends of sentences included unless they are of the model's own output", form="d"
    ),
    Measure("n_images", "images", form="d"),
    Measure("n_examples", "examples in the clusters: words of text, or images", form="d"),
    Measure("n_words", "words whose examples form the clusters", form="d"),
    Measure("n_inputs", "images that the mutual information is taken over", form="d"),
    Measure("n_sentences_decoded", "sentences decoded at every temperature", form="d"),
    Measure("n_sentences_calibrated", "sentences whose tokens calibration is measured on", form="d"),
    Measure("n_tokens_calibrated", "tokens that calibration is measured on", form="d"),
    Measure("count", "tokens or images in a bin of the reliability diagram", form="d"),
    Measure("confidence_histogram", "tokens by their highest probability, in 20 equal bins of [0, 1]", form="d"),
    Measure("vocabulary_size", "entries of the output layer", form="d"),
    Measure("filler_entries", "entries that only pad the vocabulary", form="d"),
    Measure("nll", "mean negative log-likelihood of the target", "nats", better="lower"),
    Measure("accuracy", "share of targets that are the most probable answer", better="higher"),
    Measure("error", "share of targets that are not the most probable answer", better="lower"),
    Measure("brier", "mean squared distance of the distribution from the target", better="lower", source="Brier 1950"),
    Measure("confidence", "mean highest probability; of the model's own output that of the token it wrote"),
    Measure("bleu", "BLEU of detokenised text", "BLEU", ".2f", "higher", "Post 2018"),
    Measure("bleu_as_published", "BLEU as the paper computed it", "BLEU", ".2f", "higher", f"{MEISTER}; {MULLER}"),
    Measure("rouge1", "ROUGE-1: F1 of single words", better="higher", source="Lin 2004"),
    Measure("rouge2", "ROUGE-2: F1 of pairs of words", better="higher", source="Lin 2004"),
    Measure("rouge_l", "ROUGE-L: F1 of the longest common subsequence", better="higher", source="Lin 2004"),
    Measure("entropy_normalized", "mean entropy of the distribution over log of its size", source=MEISTER),
    Measure("entropy_normalized_without_filler", "the same without the entries that only pad the vocabulary"),
    Measure("entropy_spread", "standard deviation of the entropy over log of the vocabulary's size"),
    Measure(
        "reference_rank", "mean over sentences of the mean rank of the reference's tokens", form=".1f", better="lower"
    ),
    Measure("share_below", "share of the vocabulary whose probability lies under a threshold", source=MEISTER),
    Measure("log_floor", "log of the least probability that the regularizer's equilibrium allows", "nats"),
    Measure("log_rest", "log of the mean probability of a token that is not the target", "nats"),
    Measure("ece", "expected calibration error, 15 equal bins", better="lower", source="Guo et al. 2017"),
    Measure("debiased_ece", "ECE less an estimate of its bias", better="lower", source="Kumar et al. 2019"),
    Measure("smooth_ece", "calibration error by kernel smoothing", better="lower", source="Błasiok and Nakkiran 2023"),
    Measure(
        "squared_calibration_error",
        "unbiased squared calibration error of 15 bins",
        better="lower",
        source="Kumar et al. 2019",
    ),
    Measure("calibrated_ece", "ECE that a calibrated model of this confidence would show on average"),
    Measure("calibrated_ece_upper", "the 95th percentile of that ECE"),
    Measure(
        "temperature", "temperature that fits validation best, by ECE or by NLL", form=".3f", source="Guo et al. 2017"
    ),
    Measure("temperature_at_bound", "whether that temperature is the least or the greatest that was tried", form="d"),
    Measure("scatter_ratio", "scatter within clusters over that between them", form=".3f", source="Papyan et al. 2020"),
    Measure("distance_variation", "variation of the distances to the wrong classes' templates; 0: equally distant"),
    Measure("logit_distance_correlation", "rank correlation of logits with nearness to the templates"),
    Measure("confidence_variance", "variance of the right class's probability within a class"),
    Measure("similarity_correlation", "correlation of wrong classes' logits with their similarity to the right one"),
    Measure("equivalent_smoothing", "label smoothing that spreads as much probability"),
    Measure("teacher_seed", "seed of the teacher", form="d"),
    Measure("teacher_temperature", "temperature that softens the teacher"),
    Measure("teacher_accuracy", "the teacher's accuracy on the training images", better="higher"),
    Measure("teacher_entropy_normalized", "the teacher's normalised entropy as it was softened"),
    Measure("teacher_equivalent_smoothing", "the teacher's equivalent smoothing as it was softened"),
    Measure(
        "mutual_information", "mutual information of images and the difference of two logits", "nats", source=MULLER
    ),
    Measure("mutual_information_bound", "what no mutual information of so many inputs exceeds", "nats"),
    Measure("mutual_information_final", "where the curve ends", "nats"),
    Measure("mutual_information_slope", "slope over the second half of training", "nats"),
    Measure("mutual_information_peak", "the highest point of the curve", "nats"),
    Measure("mutual_information_peak_update", "when the curve is highest", "updates", "d"),
)
PLACES = {  # key in `at`: what it says
    "beam": "size of the beam that decoded",
    "temperature": "temperature that divided the logits",
    "fit": "at the temperature that fits best, by `ece` or `nll`, `all` of validation or a random `half` of it",
    "on": "`chosen`: the half that the temperature was fitted on; `held_out`: the other one",
    "bin": "number of an equal bin of the confidence",
    "update": "after so many updates of training",
    "prefix": "`own`: after the model's own words in place of the reference's; `beam`: within the beam",
    "output": "`own`: of the tokens that the model wrote, right where aligned with an equal one of the reference",
    "threshold": "probability: e^-10, or a multiple of the floor of the regularizer's equilibrium",
    "draws": "random views of an image, L of the mutual information",
    "variance": "`shared` by all images, as published, or one `per_input`",
    "sample": "evaluated on a `fresh` view, or on the `same` ones that the mean comes from",
    "half": "of every second image, from the first or the second",
}
MEASURES = {measure.name: measure for measure in DECLARED}


def declare(measure: Measure) -> Measure:
    """Declare a measure beside its function, in a module of its own."""
    return MEASURES.setdefault(measure.name, measure)

"""How large the data sets of a scale are: read from results/ where they are prepared, else as declared.

A token count includes the end of every sentence. A vocabulary that is not known yet is taken to be the number of
learned merges (each language's own dictionary is smaller), or that of BART's dictionary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entropyreg.config.paths import Paths
from entropyreg.io.files import read_json
from entropyreg.io.schemas import read_yaml, validate
from entropyreg.translation.binarization import vocabulary_size

GPT2_VOCABULARY = 50264  # BART's dictionary, with fairseq's symbols
POSITIONS = 1024  # to which sources are cut for BART
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class TextSize:
    """A corpus; `source` and `target` are mean tokens of a sentence by split."""

    pairs: Mapping[str, int]
    source: Mapping[str, float]
    target: Mapping[str, float]
    vocabularies: tuple[int, int]  # of source and target
    prepared: bool
    note: str = ""


@dataclass(frozen=True)
class ImageSize:
    """A set of images."""

    images: Mapping[str, int]
    shape: tuple[int, int, int]
    classes: int
    prepared: bool


def declared_sizes(workflow_dir: Path) -> dict[str, Any]:
    """What `corpora.yaml` says."""
    path = workflow_dir / "config" / "corpora.yaml"
    content = read_yaml(path)
    validate(content, workflow_dir / "schemas" / "corpora.schema.yaml", path.name)
    return content


def text_size(task: Mapping[str, Any], name: str, paths: Paths, declared: Mapping[str, Any]) -> TextSize | None:
    """The corpus of a task; None if it is neither prepared nor declared (a corpus of the user's own)."""
    languages = task["languages"]["source"], task["languages"]["target"]
    known = prepared_text(languages, name, paths)
    if known is not None:
        return known
    source = task["source"]
    entry = declared["text"].get(source.get("name", ""), declared["text"].get(source["kind"]))
    if entry is None:
        return None
    pairs = dict(entry["pairs"])
    pairs |= {split: task[f"{split}_pairs"] for split in SPLITS if f"{split}_pairs" in task}
    if source.get("first"):
        pairs["train"] = min(pairs["train"], source["first"])
    pairs["valid"] = entry.get("valid_sets", {}).get(source.get("valid"), pairs["valid"])
    if source.get("test_sets") and "test_sets" in entry:
        pairs["test"] = sum(entry["test_sets"][one] for one in source["test_sets"])
    size = GPT2_VOCABULARY if task["subwords"] == "gpt2" else task["subwords"]
    lengths = [dict.fromkeys(SPLITS, entry["subwords"][side] + 1.0) for side in ("source", "target")]
    return TextSize(pairs, *lengths, (size, size), prepared=False, note=entry["source"])


def prepared_text(languages: tuple[str, str], name: str, paths: Paths) -> TextSize | None:
    """What preparing a corpus counted; None before that."""
    files = [Path(paths.text_dir(name), "summary.json"), Path(paths.subwords_dir(name), "summary.json")]
    dictionary = Path(paths.binary_dir(name), f"dict.{languages[1]}.txt")
    if not all(path.is_file() for path in (*files, dictionary)):
        return None
    text, subwords = read_json(files[0]), read_json(files[1])["subwords"]
    pairs = {split: text["splits"][split]["pairs"] for split in SPLITS}
    lengths = [{split: subwords[f"{split}.{one}"] / pairs[split] + 1.0 for split in SPLITS} for one in languages]
    sizes = [vocabulary_size(dictionary.parent, language) for language in languages]
    return TextSize(pairs, *lengths, tuple(sizes), prepared=True)


def image_size(task: Mapping[str, Any], name: str, paths: Paths, declared: Mapping[str, Any]) -> ImageSize:
    """The images of a task, split as `images.data.preparation` does."""
    entry, split = declared["images"][task["dataset"]], task["split"]
    summary = Path(paths.images_dir(name), "summary.json")
    if summary.is_file():
        content = read_json(summary)
        shape = content.get("shape") or entry["shape"]
        return ImageSize(content["n_images"], tuple(shape), len(content["classes"]), prepared=True)
    test = min(split["test"] or entry["test"], entry["test"] or split["test"])
    rest = entry["train"] - split["validation"] - (0 if entry["test"] else test)
    images = {"train": min(split["train"] or rest, rest), "valid": split["validation"], "test": test}
    return ImageSize(images, tuple(entry["shape"]), entry["classes"], prepared=False)

"""What stands under a table for its cells: words that say why one has no value, and lettered remarks.

The word is what a reason begins with: 'failed: out of memory' -> 'failed', 'not run at demo scale' -> 'not run'.
"""

from entropyreg.rendering.tables.formats import Cell, Note

WORDS = {  # of reasons that are given when runs are collected, by how they begin
    "not run": "not run",
    "no record": "no record",
    "failed": "failed",
    "measured under other claims": "other claims",
}
NEEDS_SEEDS = "needs seeds: an interval needs more seeds than one; none over sentences is collected of this measure"
DOES_NOT_APPLY = "-: does not apply, or nothing is declared for it at this scale"
MEAN_INTERVAL = (
    "mean [low, high] (n): mean over n seeds with its 95 % interval by Student's t (normal seeds); of one seed by "
    "bootstrap over sentences, so about this model, not about training."
)
NOT_AVAILABLE = "n/a: the source prints none, or its value is not known to us for sure"
OTHER_TASK = (
    "other task: reproduced on another task than the published one, values are not to be equated: no difference"
)
NOT_MEASURED = "not measured"


class Legend:
    """Collects the words and the remarks of one table, each once, in the order of first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.words: dict[str, list[str]] = {}

    def mark(self, text: str) -> str:
        """The letter of a remark."""
        if text not in self.texts:
            self.texts.append(text)
        return letter(self.texts.index(text))

    def word(self, reason: str) -> str:
        """The word that stands for a reason, which is explained under the table."""
        word, meaning = split(reason)
        meanings = self.words.setdefault(word, [])
        if meaning and meaning not in meanings:
            meanings.append(meaning)
        return word

    def missing(self, reason: str) -> Cell:
        return Cell(self.word(reason))

    def notes(self) -> tuple[Note, ...]:
        words = [Note(f"{word}: {'; '.join(meanings)}") for word, meanings in self.words.items() if meanings]
        return (*words, *(Note(text, mark=letter(position)) for position, text in enumerate(self.texts)))


def split(reason: str) -> tuple[str, str]:
    """A reason as its word and what there is to say of it."""
    for start, word in WORDS.items():
        if reason.startswith(start):
            return word, reason.removeprefix(f"{start}:").strip()
    word, colon, meaning = reason.partition(":")
    return (word, meaning.strip()) if colon else (word, "")


def letter(position: int) -> str:
    """0 -> 'a', 25 -> 'z', 26 -> 'aa'."""
    high, low = divmod(position, 26)
    return (letter(high - 1) if high else "") + "abcdefghijklmnopqrstuvwxyz"[low]

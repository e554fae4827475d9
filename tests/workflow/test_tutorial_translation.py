"""The tutorial's translation of a sentence, with a trained run of the smoke scale."""

import math
import re

import pytest
from tutorial_snippets import snippet

from entropyreg.data.tokenization import Tokenizer

pytestmark = pytest.mark.slow
RUN = "smoke_de_en/transformer/none/seed1"


def test_a_sentence_is_translated_as_predicting_translated_it(smoke, root, tmp_path, monkeypatch, capsys):
    results = smoke / "results" / "smoke"
    (tmp_path / "workflow").symlink_to(root / "workflow")
    (tmp_path / "results").symlink_to(smoke / "results")
    monkeypatch.chdir(tmp_path)
    prepared = (results / "data" / "smoke_de_en" / "text" / "valid.de").read_text(encoding="utf-8").splitlines()
    tokenize = Tokenizer("de")  # a sentence that looks the same before it is prepared
    number = next(place for place, line in enumerate(prepared) if " ".join(tokenize(line)).lower() == line)
    code, changed = re.subn(r'^text = ".*"$', f"text = {prepared[number]!r}", snippet(4, "python"), flags=re.MULTILINE)
    assert changed == 1 and RUN in code
    names: dict = {}
    exec(compile(code, "tutorial, section 4", "exec"), names)
    lines = (results / "runs" / RUN / "predictions" / "valid.hypotheses.tsv").read_text(encoding="utf-8").splitlines()
    _, score, hypothesis = next(line.split("\t") for line in lines if line.startswith(f"{number}\t"))
    found = names["best"]
    assert names["task"].target_dictionary.string(found.tokens) == hypothesis
    assert math.isclose(found.score, float(score), abs_tol=2e-5)
    assert f"{names['translation']} (mean log-probability of a subword: {found.score:.2f})" in capsys.readouterr().out

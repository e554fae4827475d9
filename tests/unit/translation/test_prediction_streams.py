"""Statistics and hypotheses go through files in any order of batches and come back in the order of the corpus."""

import numpy as np
import torch

from entropyreg.regularizers import token_statistics
from entropyreg.translation.beam import Hypotheses, Hypothesis
from entropyreg.translation.prediction import line_of, lines_of, write_lines
from entropyreg.translation.scoring import DTYPES, STATISTICS, filler_entries, own_batch, score

V, PAD, EOS = 11, 1, 2


class Words:
    """A dictionary as fairseq's, of the numbers as words."""

    symbols = (*(f"w{number}" for number in range(V - 2)), "madeupword0000", "madeupword0001")
    count = (*(1 for _ in range(V - 2)), 0, 0)

    def bos(self):
        return 0

    def pad(self):
        return PAD

    def eos(self):
        return EOS

    def string(self, tokens):
        return " ".join(f"w{token}" for token in tokens.tolist() if token != EOS)


def model(prev_output_tokens):
    """Logits that depend on the token before and on the position."""
    table = torch.randn(V, V, generator=torch.Generator().manual_seed(1))
    place = torch.arange(prev_output_tokens.size(1)).unsqueeze(-1) / 10
    return (3 * table[prev_output_tokens] + place,)


def sentences():
    """Ten targets of 1 to 9 tokens; the fourth has the padding symbol as a word."""
    generator = torch.Generator().manual_seed(2)
    found = [torch.randint(3, V, (length,), generator=generator) for length in (4, 0, 8, 5, 1, 7, 3, 3, 2, 6)]
    found[3][2] = PAD
    return [torch.cat([one, torch.tensor([EOS])]) for one in found]


def batches_of(targets, groups):
    for numbers in groups:
        empty = {"id": torch.tensor(numbers), "target": torch.zeros(1), "net_input": {}}
        yield own_batch(empty, targets, Words())


def in_memory(targets, groups, thresholds):
    """The plain way: all parts at once, ordered at the end."""
    parts = []
    for batch in batches_of(targets, groups):
        logits, real = model(**batch["net_input"])[0], batch["target"] != PAD
        logits, target = logits[real], batch["target"][real]
        found = token_statistics(logits, target, thresholds=thresholds)
        values = {name: getattr(found, field) for name, field in STATISTICS.items()}
        logits = logits.clone()
        logits[:, filler_entries(Words())] = -torch.inf
        values |= {"entropy_without_filler": token_statistics(logits, target, thresholds=()).entropy, "target": target}
        values["sentence"] = batch["id"].unsqueeze(1).expand_as(real)[real]
        values["position"] = torch.arange(real.size(1)).expand_as(real)[real]
        parts.append({name: value.numpy().astype(DTYPES[name]) for name, value in values.items()})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["position"], columns["sentence"]))
    return {name: values[order] for name, values in columns.items()}


GROUPS = ([7, 2, 5], [0], [9, 3, 4, 8], [6, 1])


def test_statistics_through_files_are_those_of_arrays(tmp_path):
    targets, log_thresholds = sentences(), [-3.0, -2.0]
    lengths = np.array([int((one != PAD).sum()) for one in targets], np.int32)
    found = score(model, batches_of(targets, GROUPS), Words(), log_thresholds, lengths, tmp_path)
    expected = in_memory(targets, GROUPS, [float(np.exp(one)) for one in log_thresholds])
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.asarray(found[name]).dtype == values.dtype
        np.testing.assert_array_equal(np.asarray(found[name]), values, err_msg=name)
    assert list(tmp_path.iterdir()) == []  # the files have no names


def test_hypotheses_are_restored_in_any_order(tmp_path):
    found = [Hypothesis(number, -number / 3, tokens) for number, tokens in enumerate(sentences())]
    kept = Hypotheses(len(found) + 1, tmp_path)  # the last one is never found
    for group in GROUPS:
        kept.add(found[number] for number in group)
    assert kept.lengths.tolist() == [len(one.tokens) for one in found] + [-1]
    for number, one in enumerate(found):
        assert kept[number].tolist() == one.tokens.tolist() and kept[number].dtype == torch.int64
    write_lines(tmp_path / "lines.tsv", (line_of(one, Words()) for one in kept))
    assert (tmp_path / "lines.tsv").read_text() == "".join(lines_of(found, Words()))

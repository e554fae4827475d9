"""A regularizer of one's own: the documentation's file can be trained with, and invalid ones are refused."""

import ast
import json
import math
import re
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from matplotlib.colors import to_hex

from entropyreg.comparing.collect import predictions
from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments, regularizer_of
from entropyreg.experiments.images import image_regularizer_of
from entropyreg.images.objective import hard_objective
from entropyreg.images.settings import check_regularizer
from entropyreg.io.errors import UserError
from entropyreg.io.meaning import meaning_of_python
from entropyreg.measuring.image_records import regularizer_of_training
from entropyreg.measuring.tidy_records import identity
from entropyreg.regularizers import members
from entropyreg.regularizers.declared import member_of
from entropyreg.regularizers.euclidean import euclidean_regularized_cross_entropy
from entropyreg.regularizers.functional import regularized_cross_entropy
from entropyreg.regularizers.plain import Plain
from entropyreg.regularizers.registry import LOOK, equilibrium_of, kinds
from entropyreg.rendering.figures import a_figure_entropy_bleu
from entropyreg.rendering.figures.image_runs import targets_name
from entropyreg.rendering.figures.style import style
from entropyreg.rendering.tables import a_table_variants
from entropyreg.rendering.tables.formats import to_markdown
from entropyreg.translation.prediction import floor_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "own_regularizer.md"
SOURCE = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
ARM = {"regularizer": "power", "order": 1.5, "strength": 0.5}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "power.py"
    path.write_text(SOURCE)
    return path


def with_changed(file, old, new):
    assert SOURCE.count(old) == 1
    file.write_text(SOURCE.replace(old, new))
    return file


def trained_with(file, **arm):
    return member_of(regularizer_of(ARM | arm, "here", kinds([str(file)])).declared)


def test_it_is_named_by_its_parameter_and_carries_the_file(file):
    regularizer = regularizer_of(ARM, "here", kinds([str(file)]))
    assert regularizer.label == "power-order1.50-strength0.50"
    assert regularizer.declared["parameters"] == {"order": 1.5}
    assert regularizer.declared["plugin"]["file"] == str(file)
    default = regularizer_of({"regularizer": "power", "strength": 1}, "here", kinds([str(file)]))
    assert default.label == "power-order2.00-strength1.00"


def test_its_loss_and_gradient_are_those_of_autograd_on_the_formula(file):
    logits = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 6, 3, -100, 2])
    member = trained_with(file)
    found = regularized_cross_entropy(logits, targets, member=member, strength=0.5)
    (gradient,) = torch.autograd.grad(found, logits)
    p = logits.softmax(-1)
    divergence = (7**0.5 * p.pow(1.5).sum(-1) - 1) / 0.75
    wanted = torch.nn.functional.cross_entropy(logits, targets) + 0.5 * divergence[targets != -100].mean()
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gradient, torch.autograd.grad(wanted, logits)[0])
    assert torch.autograd.gradgradcheck(
        lambda z: regularized_cross_entropy(z, targets, member=member, strength=0.5), logits
    )
    of_images = hard_objective(image_regularizer_of(ARM, "here", kinds([str(file)])).settings, torch.ones(7))
    torch.testing.assert_close(of_images(logits, targets).sum() / 4, wanted)


@pytest.mark.parametrize("forbidden", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_plain_divergence_is_the_row_wise_one(forbidden, reduction):
    squares = Plain(lambda log_p, u: (log_p.exp() - u).square().sum(-1), {})
    logits = torch.randn(300, 1000) * 3
    if forbidden:
        logits[:, ::7] = -torch.inf
    targets = torch.full((300,), 3)
    baseline = torch.rand(1000).add(0.1)
    results = []
    for loss in (
        lambda z, **more: regularized_cross_entropy(z, targets, member=squares, strength=9.0, **more),
        lambda z, **more: euclidean_regularized_cross_entropy(z, targets, strength=9.0, **more),
    ):
        for given in (None, baseline / baseline.sum()):
            z = logits.clone().requires_grad_()
            value = loss(z * 1.0, baseline=given, reduction=reduction, overwrite_logits=True)
            results.append((value.detach(), torch.autograd.grad(value.sum(), z)[0]))
    for plain, own in zip(results[:2], results[2:], strict=True):
        torch.testing.assert_close(plain, own)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("* moments - 1)", "* moment - 1)", r"line 10: NameError: name 'moment' is not defined"),
        ("* moments - 1)", "* moments - 2)", r"the divergence is negative, -\d.*; allowed: at least 0"),
        ("* moments - 1)", "* moments + 1)", r"the divergence is .* where p = u; allowed: 0 there"),
        ("log_p).exp()", "log_p.detach()).exp()", "is not differentiable"),
        ("* moments - 1)", "* moments.detach() - 1 + 0 * moments)", "changes by .* where its gradient says"),
        (".sum(-1)", ".sum()", r"is of shape \(\); allowed: a tensor, one a row"),
        ("* moments - 1)", "* moments - 1) / (log_p - log_p).sum(-1)", "is not finite"),
    ],
)
def test_a_function_that_is_no_divergence_is_refused_before_training(file, old, new, words):
    with pytest.raises(UserError, match=rf"regularizer 'power'.*{words}"):
        trained_with(with_changed(file, old, new))


def test_a_baseline_that_it_does_not_read_is_refused(file):
    with pytest.raises(UserError, match=r"'power', .* baseline 'unigram': the divergence is .* where p = u"):
        trained_with(file, baseline="unigram")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def power(log_p, u, *, order):", "def power(log_p, u, *, order:", "line 6: .*"),
        ("import Kind, Parameter", "import Kind, Parametre", "line 3: ImportError"),
        ('name="power"', 'name="none"', "declares the regularizer 'none', a name that is taken"),
        ('name="power"', 'name="Power 2"', "name is 'Power 2'; allowed: small letters"),
        ('Parameter("order"', 'Parameter("strength"', "a parameter is named 'strength'; allowed"),
        ("    divergence=power,\n", "", "'power' has no divergence"),
        ("u, *, order):", "u, *, ordre):", r"is called with \(log_p, u, order=...\), but .*'ordre'"),
        ("default=2", "default=4", "its default: order is 4; allowed: a number above 1, at most 3"),
        ("above=1", 'above="1"', "parameter 'order': above is '1'; allowed: a finite number"),
        ("above=1", 'above=float("nan")', "parameter 'order': above is nan; allowed: a finite number"),
        ('Parameter("order"', 'Parameter("or der"', "line 16: a parameter is named 'or der'; allowed: letters"),
        ("default=2),)", "default=2))", "parameters is Parameter.*allowed: a tuple"),
        ("divergence=power", 'divergence=power, marker="+"', "its marker is '\\+'; allowed: o, v"),
        ("divergence=power", 'divergence=power, color="red"', "its color is 'red'; allowed: '#'"),
        ("divergence=power", 'divergence=power, words="D {ordre}"', r"words is .*allowed: \{order\}, \{strength\}"),
        ("divergence=power", 'divergence=power, amounts=("entropy",)', "'power' may have none of amounts"),
        ("KIND = Kind(", "KIND = dict(", "declares no regularizers; allowed: one `Kind`"),
    ],
)
def test_a_mistake_in_the_file_is_reported_with_its_place(file, workflow_dir, old, new, words):
    config = load_config(workflow_dir, {"scale": "smoke", "plugins": [str(with_changed(file, old, new))]})
    with pytest.raises(UserError, match=rf"^plugins: {re.escape(str(file))}.*{words}"):
        load_experiments(workflow_dir, config)


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"order": 3.5}, "order is 3.5; allowed: a number above 1, at most 3"),
        ({"order": 1}, "order is 1; allowed: a number above 1"),
        ({"order": "2"}, "order is '2'; allowed: a number"),
        ({"ordre": 2}, r"takes no 'ordre' \(did you mean 'order'\?\); allowed: order, strength"),
        ({"regularizer": "powr"}, r"regularizer is 'powr' \(did you mean 'power'\?\); allowed: none"),
        ({"entropy": 0.5}, "takes no 'entropy'"),
        ({"strength": -1}, "strength is -1; allowed: a number at least 0"),
    ],
)
def test_a_mistake_in_its_arm_is_named(file, arm, words):
    with pytest.raises(UserError, match=rf"^here: .*{words}"):
        regularizer_of(ARM | arm, "here", kinds([str(file)]))


def test_a_file_of_the_users_that_it_imports_is_refused(file, tmp_path):
    (tmp_path / "helper.py").write_text("")
    with pytest.raises(UserError, match=r"power\.py, line 1: it imports 'helper', a file of yours whose changes"):
        kinds([str(with_changed(file, '"""The power', 'import helper\n"""The power'))])


@pytest.mark.parametrize("arm", [{"regularizer": "skew_jensen", "skew": 2, "strength": 1}, {"regularizer": "powr"}])
@pytest.mark.parametrize(("paper", "key"), [("a", "blocks"), ("b", "image_blocks")])
def test_an_arm_of_another_scale_is_checked_too(workflow_dir, tmp_path, arm, paper, key):
    folder = tmp_path / "workflow"
    shutil.copytree(workflow_dir, folder)
    path = folder / "experiments" / f"paper_{paper}.yaml"
    content = yaml.safe_load(path.read_text())
    next(one for one in content[key] if one["scale"] == "smoke")["arms"] = [arm]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"block 'smoke.*', arm 1: .*allowed: "):
        load_experiments(folder, load_config(folder, {"scale": "paper"}))


def test_a_file_that_is_missing_is_reported(workflow_dir):
    config = load_config(workflow_dir, {"scale": "smoke", "plugins": ["absent.py"]})
    with pytest.raises(UserError, match=r"plugins: absent\.py cannot be read"):
        load_experiments(workflow_dir, config)


def test_its_meaning_is_part_of_the_settings_and_another_file_is_refused_by_a_job(file):
    settings = regularizer_of(ARM, "here", kinds([str(file)])).declared
    file.write_text(SOURCE.replace('"""D of every row', '"""Another word'))
    assert regularizer_of(ARM, "here", kinds([str(file)])).declared == settings
    member_of(settings)
    with_changed(file, "order * log_p", "order * log_p * 1.0")
    assert regularizer_of(ARM, "here", kinds([str(file)])).declared != settings
    with pytest.raises(UserError, match=r"power\.py is another one than the run was planned with"):
        member_of(settings)


def test_a_new_look_trains_nothing(file):
    """Of a file, and of the package's own kinds: drawing depends on it, training does not."""
    before = regularizer_of(ARM, "here", kinds([str(file)]))
    with_changed(file, 'label="power divergence",', 'label="another", marker="P", words="D {order}",')
    after = regularizer_of(ARM, "here", kinds([str(file)]))
    assert after.declared == before.declared and after.shown != before.shown
    source = (Path(members.__file__).parent / "skew_jensen.py").read_text()
    trees = [ast.parse(text) for text in (source, source.replace('marker="o"', 'marker="h"'))]
    assert meaning_of_python(trees[0]) != meaning_of_python(trees[1])
    assert meaning_of_python(trees[0], LOOK) == meaning_of_python(trees[1], LOOK)
    trees[1] = ast.parse(source.replace('fixed={"skew": 0.0}', 'fixed={"skew": 0.1}'))
    assert meaning_of_python(trees[0], LOOK) != meaning_of_python(trees[1], LOOK)


def test_a_kind_may_say_what_it_leads_to_and_none_is_no_error(file):
    row = {**regularizer_of(ARM, "here", kinds([str(file)])).declared, "run": "one"}
    record = {"measures": {"valid": {"vocabulary_size": 50, "log_floor": None}}}
    assert equilibrium_of(row, 50) is None and floor_of(row, 50) is None and predictions(row, record) == {}
    known = "equilibrium=lambda order, strength, vocabulary_size: Equilibrium(0.9, 0.1 / vocabulary_size, order / 10)"
    text = SOURCE.replace("    divergence=power,\n", f"    divergence=power,\n    {known},\n")
    file.write_text(text.replace("import Kind", "import Equilibrium, Kind"))
    row = {**regularizer_of(ARM, "here", kinds([str(file)])).declared, "run": "one"}
    assert floor_of(row, 50) == pytest.approx(math.log(0.1 / 50))
    assert predictions(row, record)["predicted_entropy"] == 0.15
    assert predictions({**row, "baseline": "unigram"}, record) == {}


def test_settings_of_images_with_an_unknown_key_or_number_are_refused(file):
    settings = image_regularizer_of(ARM, "here", kinds([str(file)])).settings
    check_regularizer(settings)
    with pytest.raises(UserError, match="takes no 'order'"):
        check_regularizer(settings | {"order": 2.0})


def test_a_file_that_nothing_uses_changes_no_settings(file, workflow_dir):
    config = load_config(workflow_dir, {"scale": "smoke", "plugins": [str(file)]})
    plain = load_config(workflow_dir, {"scale": "smoke"})
    assert load_experiments(workflow_dir, config) == load_experiments(workflow_dir, plain)


def shown_run(run, file):
    """A finished run of the collected table as one of this regularizer would be."""
    regularizer = regularizer_of(ARM, "here", kinds([str(file)]))
    own = {"skew": None, "strength": 0.5, "generator": "power", **regularizer.shown}
    label = "power-order1.50-strength0.50"
    return run | own | {"smoothing": None, "row": label, "run": f"demo_de_en/transformer/{label}/seed1"}


def with_its_runs(root, file, name):
    collected = json.loads((root / "tests" / "data" / f"collected_{name}.json").read_text())
    done = [run for run in collected["rows"] if run["status"] == "done" and run["row"] != "none"]
    return {**collected, "rows": [*collected["rows"], shown_run(done[0], file)]}


def test_its_points_have_its_name_parameter_and_mark(root, file):
    collected = with_its_runs(root, file, "a_figure_entropy_bleu")
    with_changed(file, 'label="power divergence",', 'label="power divergence",\n    color="#012345",')
    collected["rows"][-1] = shown_run(collected["rows"][-1], file)
    rows = a_figure_entropy_bleu.plotted_rows(collected)
    assert (rows[-1]["family"], rows[-1]["label"]) == ("power", "power divergence, order 1.5, strength .5")
    with style("test"):
        axes = next(one for one in a_figure_entropy_bleu.draw(collected, rows).axes if one.get_title(loc="left"))
        (points,) = (one for one in axes.collections if one.get_gid() == "power")
        assert to_hex(points.get_facecolor()[0]) == "#012345"
        assert any("order 1.5" in text.get_text() for text in axes.texts)
    assert targets_name({**collected["rows"][-1], "kind": "power"}) == "power divergence, order 1.5, strength .5"


def test_it_has_a_row_of_the_variants_and_columns_of_the_records(root, file):
    table = a_table_variants.build(with_its_runs(root, file, "a_table_variants"))
    assert "power-order1.50-strength0.50" in to_markdown(table)
    settings = regularizer_of(ARM, "here", kinds([str(file)])).declared
    line = identity({"run": "a/b/c/seed1", "task": "a", "model": "b", "regularizer": settings})
    assert (line["kind"], line["order"], line["strength"]) == ("power", 1.5, 0.5)
    of_images = image_regularizer_of(ARM, "here", kinds([str(file)])).settings
    assert regularizer_of_training(of_images, 10)["parameters"] == {"order": 1.5}

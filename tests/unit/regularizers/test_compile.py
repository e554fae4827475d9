"""torch.compile with its default back end: every public loss and the statistics, whatever changes between the calls.

A loss is one graph without a break (`fullgraph=True`); the statistics are computed between two graphs.
"""

import inspect
import os
import subprocess
import sys

import pytest
import torch

from entropyreg import regularizers as r
from entropyreg.regularizers import given_baseline
from entropyreg.regularizers.kernels.native import build

pytestmark = pytest.mark.skipif(build.library().handle is None, reason=f"no C++ compiler: {build.library().problem}")
BASELINE = [0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
CHANGES = {  # of every argument: its value while others change, then what it changes to
    "skew": [0.5, 0.2, 0.9, 0.0, 1.0],
    "strength": [0.7, 0.1, 2.5, 0.0, 30.0],
    "smoothing": [0.1, 0.2, 0.3, 0.0, 1.0],
    "convention": ["papers", "fairseq"],
    "baseline": [None, BASELINE, torch.tensor(BASELINE), given_baseline(BASELINE), BASELINE[::-1]],
    "ignore_index": [-100, 3, 0],
    "reduction": ["mean", "sum", "none"],
    "return_parts": [False, True],
    "thresholds": [(), (0.1,), (0.1, 0.2), (0.2, 0.1)],
    "temperatures": [(1.0,), (2.0,), (0.5, 1.5)],
    "bias": [None, torch.linspace(-1.0, 1.0, 6), torch.linspace(1.0, -1.0, 6)],
    "weight": [None, torch.linspace(0.0, 1.0, 6), torch.linspace(2.0, 1.0, 6)],
    "label_smoothing": [0.0, 0.2, 1.0],
    "dim": [None, -1, 1],
    "rows": [5, 9, 4],
}
STATISTICS = "token_statistics"
FUNCTIONS = {
    name
    for name in r.__all__
    if inspect.isfunction(value := getattr(r, name)) and {"logits", "hidden"} & {*inspect.signature(value).parameters}
}
MODULES = {
    name for name in r.__all__ if inspect.isclass(value := getattr(r, name)) and issubclass(value, torch.nn.Module)
}
FAST = {("label_smoothing_cross_entropy", "smoothing"), ("EntropyRegularizedCrossEntropy", "strength")}


def cases():
    """A name and the argument that changes; all but two are slow."""
    for name in sorted(FUNCTIONS | MODULES):
        parameters = parameters_of(name) | {"rows"}
        for argument in (key for key in CHANGES if key in parameters):
            yield pytest.param(name, argument, marks=[] if (name, argument) in FAST else pytest.mark.slow)


def parameters_of(name):
    """The arguments that `CHANGES` may change: without the projection `weight`, and with one name of the smoothing."""
    parameters = {*inspect.signature(getattr(r, name)).parameters}
    parameters -= {"label_smoothing"} if "smoothing" in parameters else set()
    return parameters - ({"weight"} if "linear" in name.lower() else set())


def example(name, rows, bias):
    """Logits or hidden states (rows, 6), targets where they are taken, and what else the call needs."""
    generator = torch.Generator().manual_seed(rows)
    first = torch.randn(rows, 6, generator=generator, requires_grad=True)
    positional = [torch.randn(6, 6, generator=generator, requires_grad=True)] if "linear" in name.lower() else []
    if "divergence" not in name.lower() and name != "skew_jensen":
        positional.append(torch.randint(0, 6, (rows,), generator=generator))
    return first, positional, {} if bias is None else {"bias": bias.clone().requires_grad_()}


def tensors_of(result):
    return [result] if isinstance(result, torch.Tensor) else list(result)


@pytest.mark.parametrize(("name", "argument"), cases())
def test_compiled_equals_eager_whatever_changes_between_the_calls(name, argument):
    def step(function, z, positional, settings):
        return [2.0 * value for value in tensors_of(function(1.5 * z, *positional, **settings))]

    torch.compiler.reset()
    compiled = torch.compile(step, fullgraph=name != STATISTICS)
    public = getattr(r, name)
    taken = parameters_of(name)
    usual = {key: values[0] for key, values in CHANGES.items() if key in taken - {"bias", "dim"}}
    results = []
    for changed in CHANGES[argument]:
        rows, bias = (changed if argument == key else CHANGES[key][0] for key in ("rows", "bias"))
        settings = usual | ({argument: changed} if argument in {*usual, "dim"} and changed is not None else {})
        outcome = []
        for run in (compiled, step):
            z, positional, more = example(name, rows, bias)
            function = public(**settings) if name in MODULES else public
            values = run(function, z, positional, more if name in MODULES else settings | more)
            leaves = [t for t in (z, *positional, *more.values()) if t.requires_grad]
            if values[0].requires_grad:
                values[0].sum().backward()
            outcome.append([value.detach() for value in values] + [leaf.grad for leaf in leaves])
        for got, expected in zip(*outcome, strict=True):
            torch.testing.assert_close(got, expected)
        results.append(outcome[1])
    if argument in ("skew", "strength", "smoothing", "convention", "reduction"):  # the changes matter
        assert not all(torch.equal(results[0][0], other[0]) for other in results[1:])


def test_a_compiled_module_equals_its_eager_self():
    torch.compiler.reset()
    module = r.EntropyRegularizedCrossEntropy(skew=0.3, strength=0.7, baseline=BASELINE)
    z, targets = torch.randn(5, 6), torch.tensor([0, 5, -100, 2, 1])
    torch.testing.assert_close(torch.compile(module)(z, targets), module(z, targets))


@pytest.mark.slow
def test_torch_func_inside_and_outside_of_torch_compile():
    z, targets = torch.randn(5, 6), torch.tensor([0, 5, 3, 2, 1])

    def loss(z):
        return r.entropy_regularized_cross_entropy(z, targets, skew=0.3, strength=0.7)

    torch.compiler.reset()
    expected = torch.func.grad(loss)(z)
    torch.testing.assert_close(torch.compile(torch.func.grad(loss))(z), expected)
    torch.testing.assert_close(torch.func.grad(torch.compile(loss))(z), expected)


TARGETS = torch.tensor([0, 5, -100, 2, 1])
AMOUNTS = {  # name: the loss at an amount that changes from call to call
    "strength": lambda z, s: r.entropy_regularized_cross_entropy(z, TARGETS, skew=0.3, strength=s),
    "smoothing": lambda z, s: r.label_smoothing_cross_entropy(z, TARGETS, smoothing=s),
    "penalty": lambda z, s: r.confidence_penalty_cross_entropy(z, TARGETS, strength=s),
    "label_smoothing": lambda z, s: r.confidence_penalty_cross_entropy(z, TARGETS, strength=1.0, label_smoothing=s),
    "euclidean": lambda z, s: r.euclidean_regularized_cross_entropy(z, TARGETS, strength=s),
    "linear": lambda z, s: r.linear_entropy_regularized_cross_entropy(z, z, TARGETS.clamp(0, 4), skew=0.3, strength=s),
}


def graphs_compiled(loss, amounts):
    """How many graphs the calls with these amounts take; each result is that of an eager call."""
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    compiled = torch.compile(loss, fullgraph=True)
    for amount in amounts:
        outcomes = []
        for function in (compiled, loss):
            leaf = torch.linspace(-2.0, 3.0, 30).reshape(5, 6).sin().requires_grad_()
            strength = (
                amount.detach().clone().requires_grad_(amount.requires_grad) if torch.is_tensor(amount) else amount
            )
            value = function(leaf * 1.5, strength)
            value.backward()
            outcomes.append((value.detach(), leaf.grad, getattr(strength, "grad", None)))
        for got, expected in zip(*outcomes, strict=True):
            torch.testing.assert_close(got, expected)
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


@pytest.mark.parametrize("name", AMOUNTS)
def test_an_amount_that_is_a_tensor_is_compiled_once_and_a_number_twice(name):
    amounts = (0.5, 0.2, 0.9, 0.1)
    if name != "linear":  # whose eager call takes numbers alone
        assert graphs_compiled(AMOUNTS[name], [torch.tensor(amount) for amount in amounts]) == 1
    assert graphs_compiled(AMOUNTS[name], amounts) <= 2


def test_a_learnt_strength_and_one_a_row_are_compiled_with_their_gradients():
    for amount in (torch.tensor(0.5, requires_grad=True), torch.linspace(0.0, 1.0, 5, requires_grad=True)):
        assert graphs_compiled(AMOUNTS["strength"], [amount, amount.detach().mul(2.0).requires_grad_()]) == 1


def test_probabilities_weights_and_more_axes_are_one_graph():
    def loss(z, _):
        images = z.reshape(1, 6, 5)
        soft = torch.linspace(0.0, 1.0, 30).reshape(1, 6, 5)
        weight = torch.linspace(0.5, 2.0, 6)
        settings = {"skew": 0.7, "strength": 0.5, "dim": 1, "weight": weight, "label_smoothing": 0.1}
        return r.entropy_regularized_cross_entropy(images, soft, **settings)

    assert graphs_compiled(loss, [0.0]) == 1


def test_overwriting_is_refused_inside_torch_compile_with_the_reason():
    def loss(z):
        return r.confidence_penalty_cross_entropy(z * 1.5, TARGETS, strength=0.2, overwrite_logits=True)

    leaf = torch.randn(5, 6, requires_grad=True)
    for fullgraph, error in ((False, ValueError), (True, torch._dynamo.exc.Unsupported)):
        torch.compiler.reset()
        with pytest.raises(error, match=r"overwrite_logits=True is not allowed inside torch\.compile"):
            torch.compile(loss, fullgraph=fullgraph)(leaf)


def test_wrong_arguments_and_targets_are_named_inside_torch_compile():
    torch.compiler.reset()
    compiled = torch.compile(lambda z, y, s: r.label_smoothing_cross_entropy(z, y, smoothing=s))
    z = torch.randn(5, 6)
    with pytest.raises(ValueError, match=r"targets must lie in \[0, 6\), got 6"):
        compiled(z, torch.tensor([0, 1, 6, 2, -100]), 0.1)
    with pytest.raises(ValueError, match=r"smoothing must lie in \[0, 1\], got 1.5"):
        compiled(z, TARGETS, 1.5)


def test_autocast_changes_nothing_inside_torch_compile():
    layer, hidden = torch.nn.Linear(4, 6), torch.randn(5, 4)

    def step(h):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return AMOUNTS["strength"](layer(h), 0.5)

    torch.compiler.reset()
    outcomes = []
    for function in (torch.compile(step, fullgraph=True), step):
        layer.zero_grad()
        value = function(hidden)
        assert value.dtype == torch.float32
        value.backward()
        outcomes.append((value.detach(), layer.weight.grad))
    for got, expected in zip(*outcomes, strict=True):
        torch.testing.assert_close(got, expected, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("name", ["row_terms", "linear_terms"])
def test_torch_finds_no_fault_in_the_operators(name):
    from entropyreg.regularizers import operators

    skew, more = torch.tensor(0.3, dtype=torch.float64), (torch.tensor(BASELINE), torch.tensor(BASELINE).log(), 0)
    tensors = [torch.randn(5, 6, requires_grad=True)]
    if name == "linear_terms":
        tensors += [torch.randn(6, 6, requires_grad=True), None]
    arguments = (*tensors, TARGETS.clamp_min(0), TARGETS < 0, skew, *more)
    torch.library.opcheck(getattr(operators, name), arguments)


def test_importing_and_calling_the_losses_leaves_the_compiler_unimported():
    code = (
        "import sys, torch\nfrom entropyreg.regularizers import skew_jensen, token_statistics\n"
        "z = torch.randn(3, 4, requires_grad=True)\nskew_jensen(z, 0.5).sum().backward()\n"
        "token_statistics(z, torch.zeros(3, dtype=torch.long))\nassert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SECOND = """
import torch
from entropyreg.regularizers import label_smoothing_cross_entropy as loss
compiled = torch.compile(lambda z, y, s: 2.0 * loss(1.5 * z, y, smoothing=s))
torch.manual_seed(0)
z, y = 5.0 * torch.randn(6, 9), torch.randint(0, 9, (6,))
for smoothing in {smoothings}:
    leaves = [z.clone().requires_grad_() for _ in range(2)]
    values = compiled(leaves[0], y, smoothing), 2.0 * loss(1.5 * leaves[1], y, smoothing=smoothing)
    torch.testing.assert_close(*values)
    for value in values:
        value.backward()
    torch.testing.assert_close(*(leaf.grad for leaf in leaves))
print("equal")
"""


@pytest.mark.slow
def test_a_second_process_with_a_warm_compile_cache_is_right_too(tmp_path):
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "TORCHINDUCTOR_FX_GRAPH_CACHE": "1"}
    for smoothings in ((0.1, 0.2, 0.3), (0.3, 0.1, 0.9)):
        code = SECOND.format(smoothings=smoothings)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr
        assert any(tmp_path.rglob("*.so"))


SETTINGS = {"skew": 0.3, "strength": 0.7, "smoothing": 0.1, "baseline": BASELINE}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_an_exported_module_equals_its_eager_self(name):
    module = getattr(r, name)(**{key: SETTINGS[key] for key in SETTINGS if key in parameters_of(name)})
    (z, positional, _), (other, others, _) = example(name, 5, None), example(name, 5, None)
    exported = torch.export.export(module, (z.detach(), *(t.detach() for t in positional)))
    torch.testing.assert_close(exported.module()(2.0 * other, *others), module(2.0 * other, *others))

"""The loss in what people train with: checkpointing, GradScaler, DDP, FSDP2 and accelerate, eager and compiled."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from entropyreg.regularizers import EntropyRegularizedCrossEntropy, entropy_regularized_cross_entropy

SETTINGS = {"skew": 0.5, "strength": 0.7}
ROWS = {  # of what the loss is asked for
    "classes": {},
    "weight": {"weight": torch.linspace(0.5, 1.5, 9)},
    "a strength a row": {"strength": torch.linspace(0.1, 1.0, 6)},
}


def batch():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(6, 4, generator=generator), torch.randint(0, 9, (6,), generator=generator)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("rows", ROWS)
def test_gradient_checkpointing_gives_the_same_gradient(rows, overwrite, reentrant):
    layer, (hidden, targets) = nn.Linear(4, 9), batch()
    hidden.requires_grad_()

    def forward(h):
        given = {**SETTINGS, **ROWS[rows], "overwrite_logits": overwrite}
        return entropy_regularized_cross_entropy(layer(h), targets, **given)

    expected = torch.autograd.grad(forward(hidden), (hidden, *layer.parameters()))
    layer.zero_grad()
    checkpoint(forward, hidden, use_reentrant=reentrant).backward()
    for got, wanted in zip((hidden.grad, *(p.grad for p in layer.parameters())), expected, strict=True):
        assert torch.equal(got, wanted)


def test_gradient_checkpointing_inside_torch_compile():
    layer, (hidden, targets) = nn.Linear(4, 9), batch()

    def forward(h):
        return entropy_regularized_cross_entropy(layer(h), targets, **SETTINGS)

    expected = torch.autograd.grad(forward(hidden), list(layer.parameters()))
    torch.compiler.reset()
    compiled = torch.compile(lambda h: checkpoint(forward, h, use_reentrant=False), fullgraph=True)
    for got, wanted in zip(torch.autograd.grad(compiled(hidden), list(layer.parameters())), expected, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("rows", ROWS)
def test_a_grad_scaler_finds_the_same_step_and_skips_one_that_overflows(rows, overwrite):
    hidden, targets = batch()
    steps = []
    for scale in (1.0, 2.0**10):
        torch.manual_seed(0)
        layer = nn.Linear(4, 9)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            given = {**SETTINGS, **ROWS[rows], "overwrite_logits": overwrite}
            loss = entropy_regularized_cross_entropy(layer(hidden), targets, **given)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        steps.append(layer.weight.detach().clone())
    torch.testing.assert_close(*steps)
    optimizer.zero_grad()
    scaler.scale(entropy_regularized_cross_entropy(layer(hidden * float("inf")), targets, **SETTINGS)).backward()
    before = layer.weight.detach().clone()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(layer.weight, before) and scaler.get_scale() == 2.0**9


COMMON = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from entropyreg.regularizers import EntropyRegularizedCrossEntropy

rank, compiled = int(sys.argv[1]), sys.argv[3] == "compiled"
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
torch.manual_seed(0)
inputs, targets = torch.randn(8, 4), torch.randint(0, 9, (8,))
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 9))
loss = EntropyRegularizedCrossEntropy(skew=0.5, strength=nn.Parameter(torch.tensor(0.7)))
whole = loss(model(inputs), targets)
expected = [g.clone() for g in torch.autograd.grad(whole, [*model.parameters(), loss.strength])]
mine = slice(4 * rank, 4 * rank + 4)
"""
DDP = """
class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, x, y):
        return self.loss(self.model(x), y)

both = nn.parallel.DistributedDataParallel(Both())
step = torch.compile(both) if compiled else both
step(inputs[mine], targets[mine]).backward()
for parameter, wanted in zip([*model.parameters(), loss.strength], expected, strict=True):
    torch.testing.assert_close(parameter.grad, wanted)
"""
FSDP = """
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

mesh = init_device_mesh("cpu", (2,))
for layer in (model[0], model[2], model):
    fully_shard(layer, mesh=mesh)
step = torch.compile(lambda x, y: loss(model(x), y)) if compiled else lambda x, y: loss(model(x), y)
step(inputs[mine], targets[mine]).backward()
for parameter, wanted in zip(model.parameters(), expected[:-1], strict=True):
    torch.testing.assert_close(parameter.grad.full_tensor(), wanted)
"""
END = """
dist.destroy_process_group()
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["eager", "compiled"])
@pytest.mark.parametrize("what", ["DDP", "FSDP2"])
def test_two_processes_find_the_gradient_of_one(what, how, tmp_path):
    if what == "FSDP2" and not hasattr(__import__("torch.distributed.fsdp").distributed.fsdp, "fully_shard"):
        pytest.skip(f"torch {torch.__version__} has no FSDP2")
    script = Path(tmp_path / "two.py")
    script.write_text(COMMON + (DDP if what == "DDP" else FSDP) + END)
    command = [sys.executable, str(script)]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "store"), how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    for process in processes:
        out, err = process.communicate(timeout=500)
        assert (process.returncode, out) == (0, "equal\n"), err


def test_accelerate_prepares_a_model_and_accumulates_its_gradients():
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, (inputs, targets) = nn.Linear(4, 9), batch()
    loss = EntropyRegularizedCrossEntropy(**SETTINGS)
    expected = torch.autograd.grad(loss(model(inputs), targets), model.weight)[0]
    prepared, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.0))
    for part in (slice(0, 3), slice(3, 6)):
        with accelerator.accumulate(prepared):
            accelerator.backward(loss(prepared(inputs[part]), targets[part]))
            optimizer.step()
    torch.testing.assert_close(model.weight.grad, expected)

"""Gives each purpose and seed its own random numbers, so that adding a run, a seed or a purpose changes no other.

A stream is a torch generator whose start is the sha256 of "purpose/seed". `initial`, `order` and `augmentation` live on
the CPU (the same networks and batches on every device), `dropout` on the device of the model.
"""

import hashlib
from collections.abc import Sequence

import torch

ON_CPU = ("initial", "order", "augmentation")


def start_of(*names: object) -> int:
    """63 bits of the sha256 of the names, joined by '/'."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(*names: object, device: str | torch.device = "cpu") -> torch.Generator:
    """The generator of these names, at its start."""
    return torch.Generator(device).manual_seed(start_of(*names))


class Streams:
    """The generators of a group of seeds: `streams["order"][position of the seed]`."""

    def __init__(self, seeds: Sequence[int], device: str | torch.device = "cpu", rank: int = 0) -> None:
        """rank: number of this process; processes share all streams but the one of dropout."""
        self.rank = rank
        name = "dropout" if rank == 0 else f"dropout/{rank}"
        self.generators = {purpose: [stream(purpose, seed) for seed in seeds] for purpose in ON_CPU}
        self.generators["dropout"] = [stream(name, seed, device=device) for seed in seeds]

    def __getitem__(self, purpose: str) -> list[torch.Generator]:
        return self.generators[purpose]

    def state(self) -> dict[str, list[torch.Tensor]]:
        """The states of all generators, and of torch's own (which layers of other libraries draw from)."""
        states = {purpose: [one.get_state() for one in group] for purpose, group in self.generators.items()}
        return states | {"torch": [torch.get_rng_state()]}

    def restore(self, state: dict[str, list[torch.Tensor]]) -> None:
        """Restore every generator to `state`, which the first process wrote.

        The others' dropout starts from a place derived from the first one's: the same in every resumption, and no
        process draws what another does.
        """
        for purpose, group in self.generators.items():
            for generator, one in zip(group, state[purpose], strict=True):
                if purpose == "dropout" and self.rank > 0:
                    generator.manual_seed(start_of("dropout", self.rank, one.numpy().tobytes().hex()))
                else:
                    generator.set_state(one)
        torch.set_rng_state(state["torch"][0])

"""One thread and fixed seeds for every test of the library."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    """Run on one thread, from the same random state, whatever ran before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20200705)
        yield
    torch.set_num_threads(threads)

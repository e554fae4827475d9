"""Fixtures with the project's folders, for every test."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def workflow_dir() -> Path:
    """The folder with configuration, experiments and schemas."""
    return ROOT / "workflow"

"""The list of files is whole: every task finds its files in it, and nothing unchecked comes over plain HTTP."""

import re

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.data.corpora import needed_sources
from entropyreg.data.sources import all_sources
from entropyreg.io.errors import UserError


@pytest.mark.parametrize("source", all_sources().values(), ids=lambda source: source.name)
def test_every_file_has_a_name_sums_and_mirrors_of_the_right_form(source):
    assert re.fullmatch(r"[a-z0-9_]+/[A-Za-z0-9_.-]+", source.name)  # as in the Snakefile
    for digest, length in ((source.sha256, 64), (source.md5, 32), (source.content_sha256, 64)):
        assert digest is None or re.fullmatch(f"[0-9a-f]{{{length}}}", digest)
    assert source.bytes is None or source.bytes > 0
    for mirror in source.mirrors:
        assert mirror.endswith("/" + source.name.split("/")[1])
        assert mirror.startswith("https://") or (mirror.startswith("http://") and source.sha256)
    assert source.mirrors or "put" in source.note
    assert not source.content_sha256 or source.name.endswith(".gz")


def test_sums_that_are_shared_by_two_files_are_a_mistake():
    for key in ("sha256", "md5", "content_sha256"):
        sums = [getattr(source, key) for source in all_sources().values() if getattr(source, key)]
        assert len(sums) == len(set(sums)) > 1


@pytest.mark.parametrize("scale", SCALES)
def test_every_task_finds_its_files(workflow_dir, scale):
    for task in load_config(workflow_dir, {"scale": scale})["tasks"].values():
        names = needed_sources(task)
        assert set(names) <= set(all_sources())
        assert bool(names) == (task["source"]["kind"] != "embedded")


def test_the_papers_tasks_need_these_archives(workflow_dir):
    tasks = load_config(workflow_dir, {"scale": "paper"})["tasks"]
    assert needed_sources(tasks["iwslt14_de_en"]) == ["iwslt14/de-en.tgz"]
    assert needed_sources(tasks["mttt_fr_en"]) == ["mttt/multitarget-ted.tgz"]
    europarl_and_crawl = [f"wmt14/training-parallel-{name}.tgz" for name in ("europarl-v7", "commoncrawl")]
    assert needed_sources(tasks["wmt14_de_en"]) == [
        *europarl_and_crawl,
        *("wmt14/training-parallel-nc-v9.tgz", "wmt14/test-full.tgz"),
    ]
    assert needed_sources(tasks["wmt_en_de"]) == [
        *europarl_and_crawl,
        *("wmt14/training-parallel-nc-v13.tgz", "wmt14/dev.tgz", "wmt14/test-full.tgz"),
    ]


def test_a_direction_that_a_corpus_lacks_is_told_with_the_task(workflow_dir):
    override = {"scale": "paper", "tasks": {"iwslt14_de_en": {"languages": {"source": "fr"}}}}
    with pytest.raises(UserError, match=r"tasks\.iwslt14_de_en: languages are fr to en, but IWSLT'14"):
        load_config(workflow_dir, override)

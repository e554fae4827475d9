"""Documents that are written by a tool are as it writes them now."""

import importlib.util
import json


def tool(root, name):
    specification = importlib.util.spec_from_file_location(name, root / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_reference_of_the_configuration_is_current(root):
    module = tool(root, "make_config_docs")
    written = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == module.content(), "run: python tools/make_config_docs.py"
    for key in ("`decoding.beam_test`", "`image_models.<name>.optimiser.lr`", "`blocks[].arms[].skew`"):
        assert f"| {key} |" in written


def test_the_verdicts_of_the_readme_are_those_of_the_committed_ledger(root):
    written = (root / "README.md").read_text(encoding="utf-8")
    assert written == tool(root, "make_verdict_table").content(), "run: python tools/make_verdict_table.py"
    ledger = json.loads((root / "results/reference/demo/ledger.json").read_text(encoding="utf-8"))
    for claim in ledger["claims"]:
        assert f"| {claim['id']} | {claim['statement']} | {claim['verdict'].replace('_', ' ')} |" in written
    told = {name.replace("_", " "): count for name, count in ledger["counts"].items() if count}
    assert all(f"{count} {name}" in written.replace("are ", "") for name, count in told.items()), told

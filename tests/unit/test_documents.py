"""Documents that are written by a tool are as it writes them now."""

import importlib.util


def test_the_reference_of_the_configuration_is_current(root):
    specification = importlib.util.spec_from_file_location("make_config_docs", root / "tools" / "make_config_docs.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    written = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == module.content(), "run: python tools/make_config_docs.py"
    for key in ("`decoding.beam_test`", "`image_models.<name>.optimiser.lr`", "`blocks[].arms[].skew`"):
        assert f"| {key} |" in written

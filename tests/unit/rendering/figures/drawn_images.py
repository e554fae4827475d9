"""Drawing the tables of `collected_images`, once where a test only looks."""

from functools import cache

from collected_images import EXAMPLES
from collected_runs import stays_on_the_page

from entropyreg.rendering.figures import (
    b_figure_distillation,
    b_figure_distillation_grid,
    b_figure_mutual_information,
    b_figure_projection,
    b_figure_reliability_images,
    b_figure_targets,
)
from entropyreg.rendering.figures.style import style

MODULES = {
    module.__name__.rsplit(".", 1)[1]: module
    for module in (
        b_figure_targets,
        b_figure_reliability_images,
        b_figure_mutual_information,
        b_figure_distillation,
        b_figure_distillation_grid,
        b_figure_projection,
    )
}


def drawn(collected):
    module = MODULES[collected["artefact"]]
    rows = module.plotted_rows(collected)
    assert all(set(row) >= set(module.COLUMNS) for row in rows)
    with style(collected["artefact"]):
        figure = module.draw(collected, rows)
        assert stays_on_the_page(figure)
    return figure, rows


@cache
def example(name):
    """The example's figure and rows, for tests that only look at them."""
    return drawn(EXAMPLES[name]())


def line(axes, gid):
    (found,) = [one for one in axes.lines if one.get_gid() == gid]
    return list(found.get_xdata()), list(found.get_ydata())

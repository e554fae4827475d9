"""A figure's SVG made fit to stand in a page beside others: ids of its own, a name for screen readers, no prologue."""

import re
from html import escape

ID = re.compile(r'(\bid="|\bxlink:href="#|\bhref="#|url\(#)')
OPENING = re.compile(r"<svg\b[^>]*>", re.DOTALL)
VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) [\d.]+"')
PIXELS_A_POINT = 1.7  # a column of a paper is then about as wide as one on a screen


def inline_svg(svg: str, name: str, title: str) -> str:
    """The <svg> element of a file that matplotlib wrote; raises ValueError for a text without one.

    Ids get the prefix `<name>-`; the width becomes an upper bound, so that a small screen shrinks the figure.
    """
    opening, box = OPENING.search(svg), VIEW_BOX.search(svg)
    if opening is None or box is None:
        raise ValueError(f"the SVG of '{name}' has no <svg> element with a viewBox.")
    inner = re.sub(r"<metadata>.*?</metadata>", "", svg[opening.end() :], flags=re.DOTALL)
    inner = ID.sub(lambda match: f"{match.group(1)}{name}-", inner)
    width = f'style="max-width:{float(box.group(1)) * PIXELS_A_POINT:.0f}px"'
    named = f'role="img" aria-label="{escape(title)}"'
    return f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box.group(0)} {width} {named}>{inner.strip()}'

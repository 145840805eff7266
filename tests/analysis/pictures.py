"""A look at figures before they are files: what is drawn, and whether texts cover each other."""

from itertools import combinations

import pytest


@pytest.fixture
def drawn(monkeypatch):
    """What `drawn.look(figure)` returned for each picture that would have been saved; its files are not written.

    A figure that is saved as several pictures is looked at once.
    """

    class Drawn(list):
        look = staticmethod(lambda figure: None)

    result, seen = Drawn(), []

    def saved(figure, path):
        if figure not in seen:
            seen.append(figure)
            result.append(result.look(figure))
        return path

    for module in ('excitation.figures', 'curves'):
        monkeypatch.setattr(f'senet_mm.analysis.{module}.save', saved)
    return result


def covered_texts(figure):
    """Texts that are not wholly inside the figure, and pairs that cover each other."""
    figure.canvas.draw()
    texts = [*figure.legends[0].get_texts()] if figure.legends else []
    for axis in figure.axes:
        if axis.axison:
            texts += [axis.title, axis.xaxis.label, axis.yaxis.label]
            for side in (axis.xaxis, axis.yaxis):
                low, high = sorted(side.get_view_interval())
                texts += [tick.label1 for tick in side.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    outside = [name for name, box in boxes if not figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1]
    outside += [name for name, box in boxes if not figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1]
    return outside + [(a, b) for (a, first), (b, second) in combinations(boxes, 2) if first.overlaps(second)]
